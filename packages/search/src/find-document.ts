import { ask } from "./connection.ts";
import type { ElasticsearchIndex } from "./elasticsearch.ts";
import type { SearchIndex } from "./search-index.ts";

/** Whether a search would find a stored message by now; throws `SearchUnavailable` where the index does not answer. */
export async function isSearchable(
  index: SearchIndex,
  { chatId, number }: { chatId: bigint; number: number },
): Promise<boolean> {
  if (!isElasticsearch(index)) return true;
  const { client, readAlias, requestTimeoutMs } = index.connection;
  const answer = await ask(
    client.get(
      // What is written but not refreshed yet is not found by a search either.
      { index: readAlias, id: `${chatId}-${number}`, routing: chatId.toString(), realtime: false, _source: false },
      { ignore: [404], requestTimeout: requestTimeoutMs },
    ),
  );
  return answer.found;
}

/** Tells the backends apart, for what only an index can do. */
export function isElasticsearch(index: SearchIndex): index is ElasticsearchIndex {
  return index.kind === "elasticsearch";
}
