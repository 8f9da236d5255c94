import { isLockWait } from "./errors.ts";
import type { NewMessage } from "./message-rows.ts";
import { directTransaction, placeholders } from "./transaction.ts";
import type { Database } from "./client.ts";
import type { Statements } from "./session.ts";

/** The transaction waited too long for the row of one of its chats. */
export class ChatLocked extends Error {
  override readonly name = "ChatLocked";
  /** The lock wait error. It is not stored as `cause`, because the transaction would then be repeated unchanged. */
  readonly lockWait: unknown;

  constructor(lockWait: unknown) {
    super("A chat is locked");
    this.lockWait = lockWait;
  }
}

/** Maximum number of locked chats that are remembered. Beyond it, the oldest ones are forgotten. */
const remembered = 10_000;

export type LockedChats = ReturnType<typeof createLockedChats>;

/**
 * Remembers the chats for which a transaction has waited too long, so that later transactions leave them out.
 * Transactions do wait for other chats, because their locks last only milliseconds.
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
    /**
     * Among the chats of these messages, returns the remembered ones that are still locked. Locks and forgets the
     * remembered ones that are not.
     */
    async stillLocked(tx: Statements, messages: readonly NewMessage[]): Promise<ReadonlySet<bigint>> {
      const suspects = known.size === 0 ? [] : [...chatsOf(messages)].filter((id) => known.has(id));
      const locked = await lockedAmong(tx, suspects);
      for (const id of suspects) if (!locked.has(id)) known.delete(id);
      return locked;
    },

    /** Determines which of the messages' chats are locked now, and remembers them. */
    async find(database: Database, messages: readonly NewMessage[], timeoutMs: number): Promise<void> {
      const ids = [...chatsOf(messages)];
      add(await directTransaction(database, (tx) => lockedAmong(tx, ids), { timeoutMs }));
    },
  };
}

/**
 * Runs statements that change chats. Throws `ChatLocked` if one of the chats is locked for longer than a session waits.
 */
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

/** Returns the chats that exist and are locked. Locks the others in id order. */
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
