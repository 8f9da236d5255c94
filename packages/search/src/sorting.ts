import type { estypes } from "@elastic/elasticsearch";
import { z } from "zod";
import { cursorsOf, type PositionForm } from "./cursor.ts";
import { rankingClauses } from "./filters.ts";
import type { PageRequest } from "./search-index.ts";
import { rankingOf } from "./words.ts";

/** Order of positions in Elasticsearch, with the conversion between positions and sort values. */
export interface PositionSort<Position> extends PositionForm<Position> {
  /** Sort fields, in descending order. No two messages have the same values in all of them. */
  readonly fields: string[];
  /** Returns the values of these fields for a position. */
  readonly toValues: (position: Position) => number[];
  readonly fromValues: z.ZodType<Position>;
}

/** Parts of a request that define the order, and a function that returns the cursor of a hit. */
export interface Sorting {
  readonly should: estypes.QueryDslQueryContainer[] | undefined;
  readonly order: string[];
  readonly after: number[] | undefined;
  readonly cursorOf: (hit: estypes.SearchHit) => string;
}

/**
 * Returns the sorting by position or, for the order by relevance, first by score, which is the rank. Throws
 * `InvalidCursor`.
 */
export function sortingOf<Position>(
  { fields, toValues, fromValues, ...form }: PositionSort<Position>,
  { order = "newest", cursor }: PageRequest,
  terms: readonly string[],
): Sorting {
  const isRanked = order === "relevance";
  const cursors = cursorsOf(order, form);
  const after = cursor === undefined ? undefined : cursors.decode(cursor);
  return {
    should: isRanked ? rankingClauses(rankingOf(terms)) : undefined,
    order: isRanked ? ["_score", ...fields] : fields,
    after: after && [...(isRanked ? [after.rank] : []), ...toValues(after.position)],
    cursorOf({ sort }) {
      const values = z.array(z.int()).parse(sort);
      const rank = isRanked ? z.int().parse(values.shift()) : 0;
      return cursors.encode({ rank, position: fromValues.parse(values) });
    },
  };
}
