import { isLockWait } from "./errors.ts";
import type { NewMessage } from "./message-rows.ts";
import { directTransaction, placeholders } from "./transaction.ts";
import type { Database } from "./client.ts";
import type { Statements } from "./session.ts";

/** The transaction waited too long for the row of one of its chats. */
export class ChatLocked extends Error {
  override readonly name = "ChatLocked";
  /** Not its cause, by which the transaction would be repeated as it is. */
  readonly lockWait: unknown;

  constructor(lockWait: unknown) {
    super("A chat is locked");
    this.lockWait = lockWait;
  }
}

/** Maximum number of chats that are remembered as locked; the oldest ones are forgotten. */
const remembered = 10_000;

export type LockedChats = ReturnType<typeof createLockedChats>;

/**
 * Remembers the chats that a transaction of many chats has waited for too long, so that later transactions do not wait
 * for them. Other chats are waited for: their locks last milliseconds.
 */
export function createLockedChats() {
  const known = new Set<bigint>();
  const add = (ids: Iterable<bigint>): void => {
    for (const id of ids) known.add(id);
    for (const id of known) {
      if (known.size <= remembered) break;
      known.delete(id);
    }
  };
  return {
    /** Returns the known ones among the chats of some messages that are still locked. Locks the rows of the others. */
    async stillLocked(tx: Statements, messages: readonly NewMessage[]): Promise<ReadonlySet<bigint>> {
      const suspects = known.size === 0 ? [] : [...chatsOf(messages)].filter((id) => known.has(id));
      const locked = await lockedAmong(tx, suspects);
      for (const id of suspects) if (!locked.has(id)) known.delete(id);
      return locked;
    },

    /** Finds out which of the messages' chats are locked now, and remembers them. */
    async find(database: Database, messages: readonly NewMessage[], timeoutMs: number): Promise<void> {
      const ids = [...chatsOf(messages)];
      add(await directTransaction(database, (tx) => lockedAmong(tx, ids), { timeoutMs }));
    },
  };
}

/** Runs statements that change chats. Throws `ChatLocked` if one of the chats is locked for longer than a session waits. */
export async function unlessLocked(change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (error) {
    throw isLockWait(error) ? new ChatLocked(error) : error;
  }
}

function chatsOf(messages: readonly NewMessage[]): Set<bigint> {
  return new Set(messages.map(({ chatId }) => chatId));
}

/** Returns the chats that exist and are locked. Locks the others, in the order of their ids. */
async function lockedAmong(tx: Statements, ids: readonly bigint[]): Promise<Set<bigint>> {
  if (ids.length === 0) return new Set();
  const list = placeholders(ids);
  const free = await tx.$queryRawUnsafe<{ id: bigint }[]>(
    `SELECT id FROM chats FORCE INDEX (PRIMARY) WHERE id IN (${list}) ORDER BY id FOR UPDATE SKIP LOCKED`,
    ...ids,
  );
  const existing = await tx.$queryRawUnsafe<{ id: bigint }[]>(`SELECT id FROM chats WHERE id IN (${list})`, ...ids);
  const isFree = new Set(free.map(({ id }) => id));
  return new Set(existing.map(({ id }) => id).filter((id) => !isFree.has(id)));
}
