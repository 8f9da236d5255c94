import type { estypes } from "@elastic/elasticsearch";
import { z } from "zod";
import { cursorsOf, type PositionForm } from "./cursor.ts";
import { rankingClauses } from "./filters.ts";
import type { PageRequest } from "./search-index.ts";
import { rankingOf } from "./words.ts";

/** How Elasticsearch sorts by position. */
export interface PositionSort<Position> extends PositionForm<Position> {
  /** The fields, descending. Together they are different for each message. */
  readonly fields: string[];
  /** The values of these fields. */
  readonly toValues: (position: Position) => number[];
  readonly fromValues: z.ZodType<Position>;
}

/** The parts of a question that give the order, and how to read the cursor of a hit in it. Throws `InvalidCursor`. */
export interface Sorting {
  readonly should: estypes.QueryDslQueryContainer[] | undefined;
  readonly order: string[];
  readonly after: number[] | undefined;
  readonly cursorOf: (hit: estypes.SearchHit) => string;
}

/** Sorts by position, or first by the score, which is the rank. */
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
