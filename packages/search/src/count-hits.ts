import { z } from "zod";
import { askWithTimeout, complete, timeoutOf, type Connection } from "./connection.ts";
import { applicationFilter } from "./filters.ts";
import { parseQuery } from "./query.ts";
import type { CountRequest, HitCounts } from "./search-index.ts";
import { isCut } from "./words.ts";

// As a JSON number, an id may lose its last digits, so the id is read as text.
const bucket = z
  .object({
    key_as_string: z.string().transform(BigInt),
    doc_count: z.int().positive(),
    number: z.object({ value: z.int().positive() }),
  })
  .transform(({ key_as_string: chatId, doc_count: hits, number }) => ({ chatId, chatNumber: number.value, hits }));
const answer = z.object({ chats: z.object({ buckets: z.array(bucket) }) });

/**
 * Counts the hits of each chat in Elasticsearch. All messages of a chat are in one shard, so the counts are exact,
 * unless a term is so long that only its beginning is compared.
 */
export async function countHits(connection: Connection, request: CountRequest): Promise<HitCounts> {
  const { chats, limit } = request;
  const terms = parseQuery(request.q);
  if (chats?.length === 0) return { chats: [], isExact: true };
  const counting = askWithTimeout(
    connection,
    (inTime) =>
      connection.client.search(
        {
          index: connection.readAlias,
          ...(chats && { routing: chats.map(({ id }) => id).join() }),
          query: { bool: { filter: applicationFilter(request, terms) } },
          size: 0,
          track_total_hits: false,
          allow_partial_search_results: false,
          timeout: timeoutOf(inTime),
          aggs: {
            chats: {
              terms: { field: "chat_id", format: "0", size: limit, order: [{ _count: "desc" }, { number: "asc" }] },
              aggs: { number: { min: { field: "chat_number" } } },
            },
          },
        },
        inTime,
      ),
    request.signal,
  );
  const { aggregations } = complete(await counting);
  return { chats: answer.parse(aggregations).chats.buckets, isExact: !terms.some(isCut) };
}
