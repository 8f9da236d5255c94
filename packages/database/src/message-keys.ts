import { chunksOf } from "@confab/async";
import { isDuplicateKey } from "./errors.ts";
import { sqlBytes } from "./sql-literals.ts";
import { placeholders } from "./transaction.ts";
import type { Database } from "./client.ts";
import type { RequestKey, NewMessage } from "./message-rows.ts";
import type { Statements } from "./session.ts";

/** The first message that was stored with a key. */
export interface KeyedMessage {
  readonly number: number;
  readonly uid: Uint8Array;
  readonly request: Uint8Array;
}

/** The earlier message that a repeated one duplicates. */
export type Original = Pick<KeyedMessage, "number" | "uid">;

interface KeyRow extends KeyedMessage {
  readonly id: Uint8Array;
}

export type MessageKeys = ReturnType<typeof createMessageKeys>;

const selectKeys = "SELECT id, request_hash AS request, uid, number FROM message_keys WHERE id IN";

/** Reads the idempotency keys of stored messages. */
export function createMessageKeys(database: Database) {
  return {
    /** Reads the messages that were stored with these keys. Returns them by the hexadecimal id of the key. */
    async find(ids: readonly string[]): Promise<Map<string, KeyedMessage>> {
      const rows = await database.query<KeyRow[]>(
        `${selectKeys} (${placeholders(ids)})`,
        ...ids.map((id) => Buffer.from(id, "hex")),
      );
      return new Map(rows.map((row) => [hex(row.id), row]));
    },
  };
}

type Keyed<M> = M & { readonly key: RequestKey };

/**
 * Stores the keys of new messages. Returns the messages that repeat an earlier message of the same request, each with
 * the earlier one. Such messages exist because Redis had forgotten the first request. The primary key makes this the
 * last guard against repetitions, whatever Redis has lost. A message of a different request is stored without its key:
 * it was acknowledged, because Redis did not know the first one.
 */
export async function addKeys<M extends NewMessage>(tx: Statements, messages: readonly M[]): Promise<Map<M, Original>> {
  const keyed = messages.filter(hasKey).sort((a, b) => Buffer.compare(a.key.id, b.key.id));
  const repeated = new Map<M, Original>();
  for (const chunk of chunksOf(keyed, { maxItems: 1_000, maxSize: Infinity, sizeOf: () => 0 })) {
    try {
      await insertKeys(tx, chunk);
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      for (const [message, original] of await insertNewKeys(tx, chunk)) repeated.set(message, original);
    }
  }
  return repeated;
}

/** Finds the messages that repeat a stored one, each with the stored one. */
export async function findOriginals<M extends NewMessage>(
  tx: Statements,
  messages: readonly M[],
): Promise<Map<M, Original>> {
  const keyed = messages.filter(hasKey);
  if (keyed.length === 0) return new Map();
  const owners = await ownersOf(tx, keyed);
  const originals = new Map<M, Original>();
  for (const message of keyed) {
    const owner = owners.get(hex(message.key.id));
    if (owner && isRepetition(owner, message)) originals.set(message, owner);
  }
  return originals;
}

/** Removes the keys of messages that will be renumbered. The keys are stored again with the new numbers. */
export async function removeKeys(tx: Statements, messages: readonly NewMessage[]): Promise<void> {
  const keyed = messages.filter(hasKey);
  if (keyed.length === 0) return;
  // The uid is checked too, because a key may belong to another message.
  const list = placeholders(keyed);
  await tx.$executeRawUnsafe(
    `DELETE FROM message_keys WHERE id IN (${list}) AND uid IN (${list})`,
    ...keyed.map(({ key }) => key.id),
    ...keyed.map(({ uid }) => uid),
  );
}

/** Inserts the keys that are not stored yet. Returns the messages that repeat another one, each with the original. */
async function insertNewKeys<M extends NewMessage>(
  tx: Statements,
  messages: readonly Keyed<M>[],
): Promise<[M, Original][]> {
  const owners = await ownersOf(tx, messages, "FOR UPDATE");
  const repeated: [M, Original][] = [];
  const fresh: Keyed<M>[] = [];
  for (const message of messages) {
    const id = hex(message.key.id);
    const owner = owners.get(id);
    if (owner === undefined) {
      owners.set(id, { ...message, request: message.key.request });
      fresh.push(message);
    } else if (isRepetition(owner, message)) repeated.push([message, owner]);
  }
  await insertKeys(tx, fresh);
  return repeated;
}

/** Returns the messages that were stored with the same keys, by the hexadecimal id of the key. */
async function ownersOf(
  tx: Statements,
  messages: readonly Keyed<NewMessage>[],
  lock: "" | "FOR UPDATE" = "",
): Promise<Map<string, KeyedMessage>> {
  const ids = messages.map(({ key }) => key.id);
  const stored = await tx.$queryRawUnsafe<KeyRow[]>(`${selectKeys} (${placeholders(ids)}) ${lock}`, ...ids);
  return new Map(stored.map((row) => [hex(row.id), row]));
}

async function insertKeys(tx: Statements, messages: readonly Keyed<NewMessage>[]): Promise<void> {
  if (messages.length === 0) return;
  const rows = messages.map(
    ({ key, uid, number }) => `(${sqlBytes(key.id)}, ${sqlBytes(key.request)}, ${sqlBytes(uid)}, ${number})`,
  );
  await tx.$executeRawUnsafe(`INSERT INTO message_keys (id, request_hash, uid, number) VALUES ${rows.join(", ")}`);
}

function isRepetition(owner: KeyedMessage, { uid, key }: Keyed<NewMessage>): boolean {
  return Buffer.compare(owner.uid, uid) !== 0 && Buffer.compare(owner.request, key.request) === 0;
}

function hasKey<M extends NewMessage>(message: M): message is Keyed<M> {
  return message.key !== undefined;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
