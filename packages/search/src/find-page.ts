import { alwaysFit, countFitting } from "@confab/contracts";
import type { estypes } from "@elastic/elasticsearch";
import { z } from "zod";
import { askWithTimeout, complete, timeoutOf, type Connection, type RequestOptions } from "./connection.ts";

const sizeFields = z.object({ bytes: z.tuple([z.int()]).transform(([bytes]) => bytes) });

interface Question {
  readonly filter: estypes.QueryDslQueryContainer[];
  /** Chats whose shards are searched; undefined for all shards. */
  readonly routing?: readonly bigint[] | undefined;
  /** Clauses that increase the score of a message. */
  readonly should?: estypes.QueryDslQueryContainer[] | undefined;
  /**
   * Fields, or `_score`, by which hits are sorted in descending order. No two messages have the same values in all of
   * them.
   */
  readonly order: readonly string[];
  /** Values of these fields in the hit after which the page begins. */
  readonly after?: number[] | undefined;
  readonly limit: number;
  /** Fields of the source to return. */
  readonly fields: string[];
  readonly signal?: AbortSignal | undefined;
}

interface Answer {
  readonly hits: estypes.SearchHit[];
  /** Last hit that was read, if more hits may follow it. */
  readonly last?: estypes.SearchHit | undefined;
}

/** Finds the hits of a page. Reads one hit more than `limit` to find out whether there is a next page. */
export async function findPage(
  connection: Connection,
  { limit, fields, signal, ...question }: Question,
): Promise<Answer> {
  // Both requests share one timeout.
  return askWithTimeout(
    connection,
    async (inTime) => {
      const find = findWith(connection, question, inTime);
      if (limit < alwaysFit) {
        const hits = await find({ _source: fields, size: limit + 1 });
        return { hits, last: hits.length > limit ? hits.at(-1) : undefined };
      }
      // Two hundred bodies can have 13 MB, which would take a long time to parse. Therefore the sizes are read first,
      // and then only the messages that fit.
      const sized = await find({ size: limit + 1, _source: false, docvalue_fields: ["bytes"] });
      const sizes = sized.map((hit) => sizeFields.parse(hit.fields).bytes);
      const fitting = sized.slice(0, countFitting(sizes, limit));
      if (fitting.length === 0) return { hits: [] };
      // The second request finds messages by id, because more messages may have become searchable since the first
      // request.
      const ids = { ids: { values: fitting.flatMap(({ _id }) => _id ?? []) } };
      const hits = await find({ _source: fields, size: fitting.length }, ids);
      return { hits, last: sized.length > fitting.length ? fitting.at(-1) : undefined };
    },
    signal,
  );
}

function findWith(
  { client, readAlias }: Connection,
  { filter, should, routing, order, after }: Omit<Question, "limit" | "fields" | "signal">,
  inTime: RequestOptions,
) {
  return async (
    options: Pick<estypes.SearchRequest, "_source" | "docvalue_fields" | "size">,
    only?: estypes.QueryDslQueryContainer,
  ): Promise<estypes.SearchHit[]> => {
    const answer = await client.search(
      {
        index: readAlias,
        ...(routing && { routing: routing.join() }),
        query: { bool: { filter: only ? [...filter, only] : filter, ...(should && { should }) } },
        sort: order.map((field) => ({ [field]: "desc" as const })),
        ...(after && { search_after: after }),
        track_total_hits: false,
        allow_partial_search_results: false,
        timeout: timeoutOf(inTime),
        ...options,
      },
      inTime,
    );
    return complete(answer).hits.hits;
  };
}
