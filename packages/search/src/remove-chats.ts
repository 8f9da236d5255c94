import { z } from "zod";
import { directAlias, resolveAlias } from "./aliases.ts";
import { ask, type Connection } from "./connection.ts";
import { SearchUnavailable } from "./errors.ts";
import type { ElasticsearchIndex } from "./elasticsearch.ts";
import type { IndexedNumber } from "./reconcile.ts";

const maxDocuments = 1_000;

/** A document's id consists of the chat's id and the message number, such as `7-42`. */
const hitSchema = z.object({ _id: z.string().regex(/^\d+-\d+$/), _version: z.int() });

/**
 * Removes documents of chats from every index that is written to, at most 1,000 per index, and returns how many it
 * removed. A result of 0 means that no searchable document is left. A bulk request in flight may bring some back, so
 * call this again later. Elasticsearch keeps the bytes of removed documents until it merges their segments.
 */
export async function removeChats({ connection }: ElasticsearchIndex, chatIds: readonly bigint[]): Promise<number> {
  if (chatIds.length === 0) return 0;
  const indices = await resolveAlias(connection, connection.writeAlias);
  let removed = 0;
  for (const index of indices) removed += await removeFrom(connection, index, chatIds);
  return removed;
}

/** Returns how many documents of the chats each index contains, by index name. */
export async function countDocuments(
  { connection }: ElasticsearchIndex,
  chatIds: readonly bigint[],
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const index of await resolveAlias(connection, connection.writeAlias)) {
    await refresh(connection, index);
    const { count } = await ask(connection.client.count({ index, ...queryOf(chatIds) }, transportOf(connection)));
    counts.set(index, count);
  }
  return counts;
}

async function removeFrom(connection: Connection, index: string, chatIds: readonly bigint[]): Promise<number> {
  await refresh(connection, index);
  const found = await ask(
    connection.client.search(
      { index, ...queryOf(chatIds), size: maxDocuments, version: true, _source: false, track_total_hits: false },
      transportOf(connection),
    ),
  );
  const hits = found.hits.hits.map((hit) => hitSchema.parse(hit));
  if (hits.length > 0) await removeFound(connection, index, hits);
  return hits.length;
}

/**
 * Removes documents of a chat for which the database has no messages, unless they have been written again since they
 * were found.
 */
export async function removeNumbers(
  { connection }: ElasticsearchIndex,
  chatId: bigint,
  numbers: readonly IndexedNumber[],
): Promise<void> {
  const found = numbers.map(({ number, version }) => ({ _id: `${chatId}-${number}`, _version: version }));
  for (const index of await resolveAlias(connection, connection.writeAlias))
    await removeFound(connection, index, found);
}

async function removeFound(
  connection: Connection,
  index: string,
  hits: readonly z.infer<typeof hitSchema>[],
): Promise<void> {
  const operations = hits.map(({ _id, _version }) => ({
    // The deletion has a higher version than the document, so that a late write of the same message loses as long as
    // the index remembers the deletion.
    delete: {
      _index: directAlias(index),
      _id,
      routing: _id.split("-")[0]!,
      version: _version + 1,
      version_type: "external",
    },
  }));
  const answer = await ask(connection.client.bulk({ operations, require_alias: true }, transportOf(connection)));
  const failed = answer.items.find(({ delete: item }) => item?.error !== undefined && item.status !== 409);
  if (failed) throw new SearchUnavailable(`Elasticsearch: ${failed.delete?.error?.type ?? "unknown error"}`);
}

function queryOf(chatIds: readonly bigint[]) {
  const ids = chatIds.map(String);
  return { routing: ids.join(","), query: { bool: { filter: [{ terms: { chat_id: ids } }] } } };
}

async function refresh(connection: Connection, index: string): Promise<void> {
  await ask(connection.client.indices.refresh({ index }, transportOf(connection)));
}

function transportOf({ bulkTimeoutMs }: Connection) {
  return { requestTimeout: bulkTimeoutMs };
}
