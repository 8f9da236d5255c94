import { chunksOf } from "@confab/runtime";
import { isDuplicateKey } from "./errors.ts";
import { sqlBytes } from "./sql-literals.ts";
import { placeholders } from "./transaction.ts";
import type { Database } from "./client.ts";
import type { MessageKey, NewMessage } from "./message-rows.ts";
import type { Statements } from "./session.ts";

/** The first message with a key. */
export interface KeyedMessage {
  readonly number: number;
  readonly uid: Uint8Array;
  readonly request: Uint8Array;
}

interface KeyRow extends KeyedMessage {
  readonly id: Uint8Array;
}

export type MessageKeys = ReturnType<typeof createMessageKeys>;

const SELECT_KEYS = "SELECT id, request_hash AS request, uid, number FROM message_keys WHERE id IN";

/** Reads the idempotency keys of stored messages. */
export function createMessageKeys(database: Database) {
  return {
    /** The messages that were stored with these keys, by the id of the key in hexadecimal. */
    async find(ids: readonly string[]): Promise<Map<string, KeyedMessage>> {
      const rows = await database.query<KeyRow[]>(
        `${SELECT_KEYS} (${placeholders(ids)})`,
        ...ids.map((id) => Buffer.from(id, "hex")),
      );
      return new Map(rows.map((row) => [hex(row.id), row]));
    },
  };
}

type Keyed<M> = M & { readonly key: MessageKey };

/**
 * Stores the keys of new messages. Returns the messages whose key an earlier message has, with its number: repetitions of requests that Redis had
 * forgotten. The primary key makes this the last guard against them, whatever Redis has lost.
 */
export async function addKeys<M extends NewMessage>(tx: Statements, messages: readonly M[]): Promise<Map<M, number>> {
  const keyed = messages.filter(hasKey).sort((a, b) => Buffer.compare(a.key.id, b.key.id));
  const repeated = new Map<M, number>();
  for (const chunk of chunksOf(keyed, { maxItems: 1_000, maxSize: Infinity, sizeOf: () => 0 })) {
    try {
      await insertKeys(tx, chunk);
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      for (const [message, number] of await insertNewKeys(tx, chunk)) repeated.set(message, number);
    }
  }
  return repeated;
}

/** Removes the keys of messages that get another number, with which they are stored later. */
export async function removeKeys(tx: Statements, messages: readonly NewMessage[]): Promise<void> {
  const ids = messages.filter(hasKey).map(({ key }) => key.id);
  if (ids.length > 0) await tx.$executeRawUnsafe(`DELETE FROM message_keys WHERE id IN (${placeholders(ids)})`, ...ids);
}

/** Inserts the keys that are not stored, and returns the messages whose key belongs to another one, with its number. */
async function insertNewKeys<M extends NewMessage>(
  tx: Statements,
  messages: readonly Keyed<M>[],
): Promise<[M, number][]> {
  const ids = messages.map(({ key }) => key.id);
  const stored = await tx.$queryRawUnsafe<KeyRow[]>(`${SELECT_KEYS} (${placeholders(ids)}) FOR UPDATE`, ...ids);
  const owners = new Map<string, Pick<KeyRow, "uid" | "number">>(stored.map((row) => [hex(row.id), row]));
  const repeated: [M, number][] = [];
  const fresh: Keyed<M>[] = [];
  for (const message of messages) {
    const id = hex(message.key.id);
    const owner = owners.get(id);
    if (owner === undefined) {
      owners.set(id, message);
      fresh.push(message);
    } else if (Buffer.compare(owner.uid, message.uid) !== 0) repeated.push([message, owner.number]);
  }
  await insertKeys(tx, fresh);
  return repeated;
}

async function insertKeys(tx: Statements, messages: readonly Keyed<NewMessage>[]): Promise<void> {
  if (messages.length === 0) return;
  const rows = messages.map(
    ({ key, uid, number }) => `(${sqlBytes(key.id)}, ${sqlBytes(key.request)}, ${sqlBytes(uid)}, ${number})`,
  );
  await tx.$executeRawUnsafe(`INSERT INTO message_keys (id, request_hash, uid, number) VALUES ${rows.join(", ")}`);
}

function hasKey<M extends NewMessage>(message: M): message is Keyed<M> {
  return message.key !== undefined;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
