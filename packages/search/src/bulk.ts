import { contentBytes } from "@confab/contracts";
import { chunksOf } from "@confab/async";
import type { estypes } from "@elastic/elasticsearch";
import { directAlias, resolveAlias } from "./aliases.ts";
import { ask, type Connection } from "./connection.ts";
import { isInvalidRequest, SearchUnavailable } from "./errors.ts";
import { stateFields, stateSource, toSource, uidText } from "./mapping.ts";
import { createTurns } from "./turns.ts";
import type { IndexOptions, IndexResult, SearchDocument } from "./search-index.ts";

const maxBulkDocuments = 1_000;
const maxBulkBytes = 2 * 1024 * 1024;
const maxAttempts = 5;

/** Thrown when the target index of a bulk request was removed in the meantime. */
export class IndexGone extends Error {
  override readonly name = "IndexGone";
}

interface Write {
  readonly index: string;
  readonly document: SearchDocument;
  /**
   * The version that Elasticsearch compares: the latest change number, or a higher one if a lost change left a higher
   * version in the index.
   */
  readonly version: number;
}

interface Conflict {
  readonly write: Write;
  /** The version that Elasticsearch has, even if the document is deleted. */
  readonly version: number;
}

function documentOf({ index, document: { chatId, number } }: Write) {
  return { _index: directAlias(index), _id: `${chatId}-${number}`, routing: chatId.toString() };
}

function operationsFor(write: Write): unknown[] {
  const { document, version } = write;
  const target = { ...documentOf(write), version, version_type: "external" };
  return document.deletedAt === null ? [{ index: target }, toSource(document)] : [{ delete: target }];
}

/** Removes the document's id and the field's value, which Elasticsearch quotes but which must not be logged. */
function withoutContent(reason: string): string {
  return reason.replace(/ in document with id '[^']*'/, "").replace(/\s*Preview of field's value: .*/s, "");
}

/**
 * Returns the reason why an item was permanently refused, or undefined if it was written or conflicts with another
 * write. Throws if a retry may succeed.
 */
function rejection({ status, error }: estypes.BulkResponseItem): string | undefined {
  if (error === undefined || status === 409) return undefined;
  const reason = `${error.type}: ${withoutContent(error.reason ?? "no reason given")}`;
  if (error.type === "index_not_found_exception") throw new IndexGone(reason);
  if (!isInvalidRequest(status, error.type)) throw new SearchUnavailable(reason);
  return reason;
}

/**
 * Sends one bulk request. Returns the permanently refused documents with reasons, and the writes that conflicted with
 * the same or a newer version.
 */
async function send(connection: Connection, writes: readonly Write[], refresh: IndexOptions["refresh"]) {
  const operations: unknown[] = [];
  const turns = createTurns();
  for (const write of writes) {
    operations.push(...operationsFor(write));
    // Other work gets a turn here, because folding a long body takes milliseconds.
    await turns.give();
  }
  const answer = await ask(
    connection.client.bulk(
      {
        operations,
        require_alias: true,
        refresh: refresh ?? false,
        // Elasticsearch waits this long for an unassigned shard. Other shards can be written in the meantime.
        timeout: "1s",
        filter_path: ["errors", "items.*.status", "items.*.error"],
      },
      { requestTimeout: connection.bulkTimeoutMs },
    ),
  );
  const refused = new Map<SearchDocument, string>();
  if (!answer.errors) return { refused, conflicts: [] };
  const conflicts = writes.flatMap((write, at): Conflict[] => {
    const [item] = Object.values(answer.items[at] ?? {});
    if (item === undefined) throw new SearchUnavailable("Elasticsearch's answer to a bulk request lacks some items");
    const reason = rejection(item);
    if (reason !== undefined) refused.set(write.document, reason);
    if (item.status !== 409) return [];
    return [{ write, version: Number(/current version \[(\d+)\]/.exec(item.error?.reason ?? "")?.[1] ?? 0) }];
  });
  return { refused, conflicts };
}

/**
 * Selects the conflicting writes that must nevertheless replace the document, with a version that is high enough. Late
 * and repeated writes change nothing. However, the database may have lost its last transactions. It then assigns a
 * number to another message, or contains a message without some changes that the index already has. A lost change must
 * not block these writes. If the index has a later change, the database is therefore read again: a change that is in
 * the index but not in the database is lost.
 */
async function replacing(
  connection: Connection,
  conflicts: readonly Conflict[],
  readAgain: IndexOptions["readAgain"],
): Promise<Write[]> {
  if (conflicts.length === 0) return [];
  const docs = conflicts.map(({ write }) => ({ ...documentOf(write), _source: stateFields }));
  const answer = await ask(connection.client.mget({ docs }, { requestTimeout: connection.bulkTimeoutMs }));
  const compared = conflicts.map(({ write, version }, at) => {
    const found = answer.docs[at];
    if (found === undefined || !("found" in found) || !found.found)
      return { write: { ...write, version: version + 1 }, order: write.document.deletedAt === null ? -1 : 0 };
    return { write: { ...write, version: (found._version ?? version) + 1 }, order: compare(write, found._source) };
  });
  const earlier = compared.flatMap(({ write, order }) => (order < 0 ? [write.document] : []));
  const states = earlier.length > 0 && readAgain !== undefined ? await readAgain(earlier) : undefined;
  return compared.flatMap(({ write, order }) => {
    const { chatId, number, uid, changeNumber, deletedAt } = write.document;
    if (order > 0) return [write];
    if (order === 0 || states === undefined) return [];
    const state = states.get(chatId)?.get(number);
    const isUnchanged =
      deletedAt === null
        ? state?.changeNumber === changeNumber && uidText(state.uid) === uidText(uid)
        : state === undefined;
    return isUnchanged ? [write] : [];
  });
}

/**
 * Returns a positive number if the write replaces the document, 0 if it repeats it, and a negative number if the
 * document has a later change.
 */
function compare({ document }: Write, source: unknown): number {
  const { uid, version, change_number: changeNumber = 0 } = stateSource.parse(source);
  if (uid !== uidText(document.uid)) return 1;
  return (document.changeNumber ?? 0) - changeNumber || document.version - version;
}

async function writeChunk(
  connection: Connection,
  indices: readonly string[],
  documents: readonly SearchDocument[],
  { refresh, readAgain }: IndexOptions,
): Promise<IndexResult> {
  const refused = new Map<SearchDocument, string>();
  let writes = documents.flatMap((document) =>
    indices.map((index): Write => ({ index, document, version: document.changeNumber ?? 1 })),
  );
  for (let attempt = 1; writes.length > 0; attempt++) {
    if (attempt > maxAttempts)
      throw new SearchUnavailable("Other writes keep changing the same documents in Elasticsearch");
    const sent = await send(connection, writes, refresh);
    for (const [document, reason] of sent.refused) refused.set(document, reason);
    writes = await replacing(connection, sent.conflicts, readAgain);
  }
  const rejected = [...refused].map(([{ chatId, number }, reason]) => ({ chatId, number, reason }));
  return { indexed: documents.length - rejected.length, rejected };
}

/**
 * Writes documents to the given indices. Throws `IndexGone` if an index was removed, and `SearchUnavailable` if a retry
 * may succeed.
 */
export async function writeTo(
  connection: Connection,
  indices: readonly string[],
  documents: readonly SearchDocument[],
  options: IndexOptions = {},
): Promise<IndexResult> {
  const result: IndexResult = { indexed: 0, rejected: [] };
  const limits = { maxItems: maxBulkDocuments, maxSize: maxBulkBytes, sizeOf: contentBytes };
  for (const chunk of chunksOf(documents, limits)) {
    const { indexed, rejected } = await writeChunk(connection, indices, chunk, options);
    result.indexed += indexed;
    result.rejected.push(...rejected);
  }
  return result;
}

/**
 * Writes documents to every index behind the write alias.
 *
 * The order of the steps ensures that a rebuild never misses a message. The caller reads only committed rows, and reads
 * them before the alias is resolved here. A rebuild adds its index to the alias before it reads the first row. If the
 * alias is resolved after the new index was added, the write goes to the new index. If it is resolved before, the row
 * was committed before the rebuild began to read, so the rebuild copies that version or a newer one. The versions
 * decide which of several writes wins. If an index has disappeared since it was resolved, a rebuild has ended, and the
 * whole bulk is sent again to the current indices of the alias.
 */
export async function writeToAll(
  connection: Connection,
  documents: readonly SearchDocument[],
  options: IndexOptions = {},
): Promise<IndexResult> {
  for (let attempt = 1; ; attempt++) {
    const indices = await resolveAlias(connection, connection.writeAlias);
    if (indices.length === 0)
      throw new SearchUnavailable(
        `Elasticsearch has no alias ${connection.writeAlias}. The worker creates it with its next attempt.`,
      );
    try {
      return await writeTo(connection, indices, documents, options);
    } catch (error) {
      if (!(error instanceof IndexGone)) throw error;
      if (attempt === maxAttempts) throw new SearchUnavailable(error.message, { cause: error });
    }
  }
}
