import type { estypes } from "@elastic/elasticsearch";
import { directAlias, resolveAlias } from "./aliases.ts";
import { ask } from "./connection.ts";
import type { Connection } from "./connection.ts";
import { SearchUnavailable } from "./errors.ts";
import { toSource } from "./mapping.ts";
import { createTurns } from "./turns.ts";
import type { IndexOptions, IndexResult, SearchDocument } from "./search-index.ts";

const MAX_BULK_DOCUMENTS = 1_000;
const MAX_BULK_CHARACTERS = 2 * 1024 * 1024;
const MAX_ATTEMPTS = 5;

/** The index that a bulk went to was removed meanwhile. */
export class IndexGone extends Error {
  override readonly name = "IndexGone";
}

function operationsFor(index: string, document: SearchDocument): unknown[] {
  const target = {
    _index: directAlias(index),
    _id: `${document.chatId}-${document.number}`,
    routing: document.chatId.toString(),
    version: document.version,
    version_type: "external",
  };
  const { body, deletedAt } = document;
  return body === null || deletedAt !== null ? [{ delete: target }] : [{ index: target }, toSource(document, body)];
}

/** Elasticsearch quotes the document's id and what was in the field: neither may get into a log. */
function withoutContent(reason: string): string {
  return reason.replace(/ in document with id '[^']*'/, "").replace(/\s*Preview of field's value: .*/s, "");
}

/** Why an item was refused for good, or undefined when it is done; throws when it may succeed another time. */
function rejection({ status, error }: estypes.BulkResponseItem): string | undefined {
  // A conflict says that this version or a newer one is there already: late and repeated writes change nothing.
  if (error === undefined || status === 409) return undefined;
  const reason = `${error.type}: ${withoutContent(error.reason ?? "no reason given")}`;
  if (error.type === "index_not_found_exception") throw new IndexGone(reason);
  if (status === 429 || status >= 500 || error.type === "cluster_block_exception") throw new SearchUnavailable(reason);
  return reason;
}

async function writeChunk(
  connection: Connection,
  indices: readonly string[],
  documents: readonly SearchDocument[],
  refresh: IndexOptions["refresh"],
): Promise<IndexResult> {
  const written: { index: string; document: SearchDocument }[] = [];
  const operations: unknown[] = [];
  const turns = createTurns();
  for (const document of documents) {
    for (const index of indices) {
      written.push({ index, document });
      operations.push(...operationsFor(index, document));
    }
    // Folding a long body takes milliseconds.
    await turns.give();
  }
  const answer = await ask(
    connection.client.bulk(
      {
        operations,
        require_alias: true,
        refresh: refresh ?? false,
        filter_path: ["errors", "items.*.status", "items.*.error"],
      },
      { requestTimeout: connection.bulkTimeoutMs },
    ),
  );
  if (!answer.errors) return { indexed: documents.length, rejected: [] };
  const refused = new Map<SearchDocument, string>();
  written.forEach(({ document }, at) => {
    const [item] = Object.values(answer.items[at] ?? {});
    if (item === undefined) throw new SearchUnavailable("Elasticsearch answered a bulk without all of its items");
    const reason = rejection(item);
    if (reason !== undefined) refused.set(document, reason);
  });
  const rejected = [...refused].map(([{ chatId, number }, reason]) => ({ chatId, number, reason }));
  return { indexed: documents.length - rejected.length, rejected };
}

function* chunks(documents: readonly SearchDocument[]): Generator<SearchDocument[]> {
  let chunk: SearchDocument[] = [];
  let characters = 0;
  for (const document of documents) {
    chunk.push(document);
    characters += document.body?.length ?? 0;
    if (chunk.length < MAX_BULK_DOCUMENTS && characters < MAX_BULK_CHARACTERS) continue;
    yield chunk;
    chunk = [];
    characters = 0;
  }
  if (chunk.length > 0) yield chunk;
}

/** Writes documents to the given indices; throws `IndexGone` when one is no more, `SearchUnavailable` when it is worth trying again. */
export async function writeTo(
  connection: Connection,
  indices: readonly string[],
  documents: readonly SearchDocument[],
  { refresh }: IndexOptions = {},
): Promise<IndexResult> {
  const result: IndexResult = { indexed: 0, rejected: [] };
  for (const chunk of chunks(documents)) {
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
