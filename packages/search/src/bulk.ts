import { chunksOf } from "@confab/runtime";
import type { estypes } from "@elastic/elasticsearch";
import { z } from "zod";
import { directAlias, resolveAlias } from "./aliases.ts";
import { ask } from "./connection.ts";
import type { Connection } from "./connection.ts";
import { isAskerWrong, SearchUnavailable } from "./errors.ts";
import { toSource, uidText } from "./mapping.ts";
import { createTurns } from "./turns.ts";
import type { IndexOptions, IndexResult, SearchDocument } from "./search-index.ts";

const MAX_BULK_DOCUMENTS = 1_000;
const MAX_BULK_CHARACTERS = 2 * 1024 * 1024;
const MAX_ATTEMPTS = 5;

/** The index that a bulk went to was removed meanwhile. */
export class IndexGone extends Error {
  override readonly name = "IndexGone";
}

interface Write {
  index: string;
  document: SearchDocument;
  /** What Elasticsearch compares: the row's version, unless another message has left a higher one behind. */
  version: number;
}

function placeOf({ index, document: { chatId, number } }: Write) {
  return { _index: directAlias(index), _id: `${chatId}-${number}`, routing: chatId.toString() };
}

function operationsFor(write: Write): unknown[] {
  const { document, version } = write;
  const target = { ...placeOf(write), version, version_type: "external" };
  return document.deletedAt === null ? [{ index: target }, toSource(document)] : [{ delete: target }];
}

/** Elasticsearch quotes the document's id and what was in the field: neither may get into a log. */
function withoutContent(reason: string): string {
  return reason.replace(/ in document with id '[^']*'/, "").replace(/\s*Preview of field's value: .*/s, "");
}

/** Why an item was refused for good, or undefined when it is done; throws when it may succeed another time. */
function rejection({ status, error }: estypes.BulkResponseItem): string | undefined {
  if (error === undefined || status === 409) return undefined;
  const reason = `${error.type}: ${withoutContent(error.reason ?? "no reason given")}`;
  if (error.type === "index_not_found_exception") throw new IndexGone(reason);
  if (!isAskerWrong(status, error.type)) throw new SearchUnavailable(reason);
  return reason;
}

/** Sends one bulk; returns why documents were refused for good, and the writes that met the same version or a newer one. */
async function send(connection: Connection, writes: readonly Write[], refresh: IndexOptions["refresh"]) {
  const operations: unknown[] = [];
  const turns = createTurns();
  for (const write of writes) {
    operations.push(...operationsFor(write));
    // Folding a long body takes milliseconds.
    await turns.give();
  }
  const answer = await ask(
    connection.client.bulk(
      {
        operations,
        require_alias: true,
        refresh: refresh ?? false,
        // A shard that is on no node is waited for here, where others can be indexed meanwhile.
        timeout: "1s",
        filter_path: ["errors", "items.*.status", "items.*.error"],
      },
      { requestTimeout: connection.bulkTimeoutMs },
    ),
  );
  const refused = new Map<SearchDocument, string>();
  if (!answer.errors) return { refused, conflicts: [] };
  const conflicts = writes.filter((write, at) => {
    const [item] = Object.values(answer.items[at] ?? {});
    if (item === undefined) throw new SearchUnavailable("Elasticsearch answered a bulk without all of its items");
    const reason = rejection(item);
    if (reason !== undefined) refused.set(write.document, reason);
    return item.status === 409;
  });
  return { refused, conflicts };
}

const held = z.object({ uid: z.string(), version: z.int() });

/**
 * Of writes that met the same version or a newer one, those that must replace it all the same, with a version that does.
 * Late and repeated writes change nothing. But after the database has lost its last transactions, a number is given to
 * another message, whose versions begin at 1: the lost one must not stand in its way. Where that one was deleted, nothing
 * tells who it was, and the deletion stays.
 */
async function replacing(connection: Connection, conflicts: readonly Write[]): Promise<Write[]> {
  if (conflicts.length === 0) return [];
  const docs = conflicts.map((write) => ({ ...placeOf(write), _source: ["uid", "version"] }));
  const answer = await ask(connection.client.mget({ docs }, { requestTimeout: connection.bulkTimeoutMs }));
  return conflicts.flatMap((write, at) => {
    const found = answer.docs[at];
    if (found === undefined || !("found" in found) || !found.found) return [];
    const { uid, version } = held.parse(found._source);
    const isOlder = uid !== uidText(write.document.uid) || version < write.document.version;
    return isOlder && found._version !== undefined ? [{ ...write, version: found._version + 1 }] : [];
  });
}

async function writeChunk(
  connection: Connection,
  indices: readonly string[],
  documents: readonly SearchDocument[],
  refresh: IndexOptions["refresh"],
): Promise<IndexResult> {
  const refused = new Map<SearchDocument, string>();
  let writes = documents.flatMap((document) =>
    indices.map((index): Write => ({ index, document, version: document.version })),
  );
  for (let attempt = 1; writes.length > 0; attempt++) {
    if (attempt > MAX_ATTEMPTS) throw new SearchUnavailable("Other writes keep changing the same documents");
    const sent = await send(connection, writes, refresh);
    for (const [document, reason] of sent.refused) refused.set(document, reason);
    writes = await replacing(connection, sent.conflicts);
  }
  const rejected = [...refused].map(([{ chatId, number }, reason]) => ({ chatId, number, reason }));
  return { indexed: documents.length - rejected.length, rejected };
}

/** Writes documents to the given indices; throws `IndexGone` when one is no more, `SearchUnavailable` when it is worth trying again. */
export async function writeTo(
  connection: Connection,
  indices: readonly string[],
  documents: readonly SearchDocument[],
  { refresh }: IndexOptions = {},
): Promise<IndexResult> {
  const result: IndexResult = { indexed: 0, rejected: [] };
  const sizeOf = ({ body }: SearchDocument): number => body.length;
  const limits = { maxItems: MAX_BULK_DOCUMENTS, maxSize: MAX_BULK_CHARACTERS, sizeOf };
  for (const chunk of chunksOf(documents, limits)) {
    const { indexed, rejected } = await writeChunk(connection, indices, chunk, refresh);
    result.indexed += indexed;
    result.rejected.push(...rejected);
  }
  return result;
}

/**
 * Writes documents to every index behind the write alias.
 *
 * No rebuild can miss a message, because of this order: the caller's rows were committed before it read them, and it read
 * them before the alias is resolved here; a rebuild adds its index to the alias before it reads the first row. So either
 * the alias is resolved after the new index joined, and the write goes there; or it is resolved before, and then the row
 * was committed before the rebuild began to read, which therefore copies it (that version or a newer one). Versions settle
 * which of several writes lasts. An index that vanished since it was resolved means a rebuild has ended: the whole
 * bulk is sent again to what the alias names now.
 */
export async function writeToAll(
  connection: Connection,
  documents: readonly SearchDocument[],
  options: IndexOptions = {},
): Promise<IndexResult> {
  for (let attempt = 1; ; attempt++) {
    const indices = await resolveAlias(connection, connection.writeAlias);
    if (indices.length === 0)
      throw new SearchUnavailable(`Elasticsearch has no alias ${connection.writeAlias}: prepare it`);
    try {
      return await writeTo(connection, indices, documents, options);
    } catch (error) {
      if (!(error instanceof IndexGone)) throw error;
      if (attempt === MAX_ATTEMPTS) throw new SearchUnavailable(error.message, { cause: error });
    }
  }
}
