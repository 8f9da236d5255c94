import { setTimeout as sleep } from "node:timers/promises";
import { createIndex, resolveAlias, SERVING, updateAliases } from "./aliases.ts";
import { IndexGone, writeTo } from "./bulk.ts";
import { ask } from "./connection.ts";
import type { Connection } from "./connection.ts";
import type { ElasticsearchIndex } from "./elasticsearch.ts";
import { SearchUnavailable } from "./errors.ts";
import type { IndexResult, RejectedDocument, SearchDocument } from "./search-index.ts";

/**
 * Every row of the database, deleted ones too, in pieces and in (chat id, number) order; reads begin when it is iterated
 * and each sees what was committed by then.
 */
export type DocumentSource = () => AsyncIterable<readonly SearchDocument[]>;

export interface RebuildOptions {
  scan: DocumentSource;
  /** Called after each piece with the number of rows copied so far. */
  onProgress?: (copied: number) => void;
}

export interface RebuildResult {
  /** Name of the index that serves now. */
  index: string;
  copied: number;
  rejected: RejectedDocument[];
}

const MAX_ATTEMPTS = 6;
const FIRST_PAUSE_MS = 250;

/** A long copy outlives short trouble: six attempts within eight seconds. */
async function copy(connection: Connection, index: string, documents: readonly SearchDocument[]): Promise<IndexResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await writeTo(connection, [index], documents);
    } catch (error) {
      if (!(error instanceof SearchUnavailable) || attempt === MAX_ATTEMPTS) throw error;
      await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
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
 * Fills a new index from the database and lets it take the old one's place in one atomic step, while searches and writes
 * go on (`writeToAll` says why none is missed). When it fails or is killed the old index goes on serving, and the next
 * rebuild removes what is left; a rebuild that is started while another runs takes over, and the other one fails.
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
      // Deleted rows are copied as deletions: a write of what they were, still on its way, must find a newer version here.
      const { rejected } = await copy(connection, index, documents);
      result.copied += documents.length;
      result.rejected.push(...rejected);
      onProgress?.(result.copied);
    }
    await ask(client.indices.refresh({ index }, { requestTimeout: bulkTimeoutMs }));
    const old = await resolveAlias(connection, readAlias);
    await updateAliases(connection, [
      ...old.map((replaced) => ({ remove: { index: replaced, alias: readAlias } })),
      { add: { index, alias: readAlias, ...SERVING } },
    ]);
    // Searches that began on the old index may finish there.
    await sleep(requestTimeoutMs);
    await removeIndices(connection, old);
    return result;
  } catch (error) {
    // The first error is the one to tell; what cannot be removed now is removed by the next rebuild.
    await removeIndices(connection, [index]).catch(() => undefined);
    if (error instanceof IndexGone) throw new SearchUnavailable("another rebuild has taken over", { cause: error });
    throw error;
  }
}
