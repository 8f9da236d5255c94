import { setTimeout as sleep } from "node:timers/promises";
import { createIndex, resolveAlias, servingAlias, updateAliases } from "./aliases.ts";
import { IndexGone, writeTo } from "./bulk.ts";
import { ask, type Connection } from "./connection.ts";
import type { ElasticsearchIndex } from "./elasticsearch.ts";
import { SearchUnavailable } from "./errors.ts";
import type { IndexResult, RejectedDocument, SearchDocument } from "./search-index.ts";

/**
 * Returns all rows of the database, including deleted ones, in chunks and in the order (chat id, number). It reads only
 * while it is iterated, and each read sees everything that is committed at that time.
 */
export type DocumentSource = () => AsyncIterable<readonly SearchDocument[]>;

export interface RebuildOptions {
  readonly scan: DocumentSource;
  /** Called after each chunk with the number of rows copied so far. */
  readonly onProgress?: (copied: number) => void;
}

export interface RebuildResult {
  /** Name of the new serving index. */
  readonly index: string;
  copied: number;
  readonly rejected: RejectedDocument[];
}

const maxAttempts = 6;
const firstPauseMs = 250;

/** Copies a chunk with up to six attempts within eight seconds, so that a long copy survives short outages. */
async function copy(connection: Connection, index: string, documents: readonly SearchDocument[]): Promise<IndexResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await writeTo(connection, [index], documents);
    } catch (error) {
      if (!(error instanceof SearchUnavailable) || attempt === maxAttempts) throw error;
      await sleep(firstPauseMs * 2 ** (attempt - 1));
    }
  }
}

async function removeIndices(connection: Connection, indices: readonly string[]): Promise<void> {
  if (indices.length > 0)
    await updateAliases(
      connection,
      indices.map((index) => ({ remove_index: { index } })),
    );
}

/**
 * Fills a new index from the database and replaces the old one in one atomic step, while searches and writes continue
 * (`writeToAll` explains why no message is missed). If it fails or is killed, the old index keeps serving searches, and
 * the next rebuild removes the remains. If a rebuild starts while another one is running, the new one takes over and
 * the other one fails.
 */
export async function rebuild(es: ElasticsearchIndex, { scan, onProgress }: RebuildOptions): Promise<RebuildResult> {
  const { connection } = es;
  const { client, readAlias, writeAlias, requestTimeoutMs, bulkTimeoutMs } = connection;
  const serving = await resolveAlias(connection, readAlias);
  const leftovers = (await resolveAlias(connection, writeAlias)).filter((index) => !serving.includes(index));
  await removeIndices(connection, leftovers);
  const index = await createIndex(connection, { serve: false });
  try {
    const result: RebuildResult = { index, copied: 0, rejected: [] };
    for await (const documents of scan()) {
      // Deleted rows are copied as deletions, so that a late write of an older version finds a newer version here.
      const { rejected } = await copy(connection, index, documents);
      result.copied += documents.length;
      result.rejected.push(...rejected);
      onProgress?.(result.copied);
    }
    await ask(client.indices.refresh({ index }, { requestTimeout: bulkTimeoutMs }));
    const old = await resolveAlias(connection, readAlias);
    await updateAliases(connection, [
      ...old.map((replaced) => ({ remove: { index: replaced, alias: readAlias } })),
      { add: { index, alias: readAlias, ...servingAlias } },
    ]);
    // Searches that started on the old index have time to finish there.
    await sleep(requestTimeoutMs);
    await removeIndices(connection, old);
    return result;
  } catch (error) {
    // Errors are ignored here, so that the first error is reported. The next rebuild removes what cannot be removed
    // now.
    await removeIndices(connection, [index]).catch(() => undefined);
    if (error instanceof IndexGone) throw new SearchUnavailable("Another rebuild has taken over", { cause: error });
    throw error;
  }
}
