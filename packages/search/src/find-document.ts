import { ask } from "./connection.ts";
import type { ElasticsearchIndex } from "./elasticsearch.ts";
import type { SearchIndex } from "./search-index.ts";

/**
 * Returns true if a search would find the stored message now. Throws `SearchUnavailable` if the index does not answer.
 */
export async function isSearchable(
  index: SearchIndex,
  { chatId, number }: { chatId: bigint; number: number },
): Promise<boolean> {
  if (!isElasticsearch(index)) return true;
  const { client, readAlias, requestTimeoutMs } = index.connection;
  const answer = await ask(
    client.get(
      // With `realtime: false`, a document that was written but not yet refreshed is not found, like in a search.
      { index: readAlias, id: `${chatId}-${number}`, routing: chatId.toString(), realtime: false, _source: false },
      { ignore: [404], requestTimeout: requestTimeoutMs },
    ),
  );
  return answer.found;
}

/** Returns true for the Elasticsearch backend, which has features that the MySQL backend lacks. */
export function isElasticsearch(index: SearchIndex): index is ElasticsearchIndex {
  return index.kind === "elasticsearch";
}
