import { removeDeletedNumber, type ChatNumber } from "./deleted-numbers.ts";
import { identifierBytes } from "./identifiers.ts";
import { timeSince2026 } from "./ordinals.ts";
import { placeholderRows } from "./transaction.ts";
import type { Database } from "./client.ts";
import type { Statements } from "./session.ts";

/**
 * The ordinal of an incarnation of Redis (`numbering`), and the first number that this incarnation assigned in a chat.
 */
export interface Numbering {
  readonly chatId: bigint;
  readonly numbering: number;
  readonly from: number;
}

export type Numberings = ReturnType<typeof createNumberings>;

/** Creates the record that shows which incarnation of Redis assigned which message numbers. */
export function createNumberings({ query }: Pick<Database, "query">) {
  const ordinals = new Map<string, Promise<number>>();

  async function find(incarnation: string): Promise<number | undefined> {
    const [row] = await query<{ id: number }[]>(
      "SELECT id FROM incarnations WHERE incarnation = ?",
      identifierBytes(incarnation),
    );
    return row?.id;
  }

  async function register(incarnation: string): Promise<number> {
    for (;;) {
      const known = await find(incarnation);
      if (known !== undefined) return known;
      // Another process may register the same incarnation at the same time, or another incarnation with the same
      // ordinal.
      const [row] = await query<{ next: number }[]>(
        `SELECT GREATEST(COALESCE(MAX(id), 0) + 1, ${timeSince2026("SECOND")}) AS next FROM incarnations`,
      );
      await query(
        "INSERT IGNORE INTO incarnations (id, incarnation, seen_at) VALUES (?, ?, ?)",
        row!.next,
        identifierBytes(incarnation),
        new Date(),
      );
    }
  }

  return {
    /**
     * Returns the ordinal of an incarnation of Redis. Registers the incarnation on its first use, and queries MySQL
     * only once.
     */
    ordinalOf: (incarnation: string): Promise<number> => {
      const known = ordinals.get(incarnation);
      if (known) return known;
      const asked = register(incarnation);
      ordinals.set(incarnation, asked);
      asked.catch(() => ordinals.delete(incarnation));
      return asked;
    },

    /**
     * Returns the lowest number that a later numbering of the chat assigned, and the ordinal of the latest numbering,
     * or undefined if there is no later one.
     */
    firstAfter: async (chatId: bigint, numbering: number): Promise<{ from: number; numbering: number } | undefined> => {
      const [row] = await query<{ from: number | null; numbering: number | null }[]>(
        `SELECT MIN(from_number) AS \`from\`, MAX(numbering) AS numbering FROM chat_numberings
          WHERE chat_id = ? AND numbering > ?`,
        chatId,
        numbering,
      );
      const { from = null, numbering: latest = null } = row ?? {};
      return from === null || latest === null ? undefined : { from, numbering: latest };
    },
  };
}

/** Maximum number of chats whose latest numbering a process remembers. */
const remembered = 10_000;

/**
 * Creates a memory of the numberings that a process has stored. Redis includes a numbering in every batch of its chat
 * until a worker has stored one of these batches, so a backlog repeats the same numberings many times.
 */
export function createStoredNumberings() {
  const latest = new Map<bigint, Numbering>();
  return {
    has({ chatId, numbering, from }: Numbering): boolean {
      const known = latest.get(chatId);
      return known?.numbering === numbering && known.from <= from;
    },
    /** Adds numberings. Call it after the commit. */
    add(numberings: readonly Numbering[]): void {
      for (const each of numberings) {
        if (latest.size >= remembered) latest.clear();
        latest.set(each.chatId, each);
      }
    },
  };
}

/**
 * Stores where numberings of chats began. Moves horizons that were set in an earlier numbering, and that refer to
 * numbers from the new one on, back to the last number before it. Numbers in the new numbering that have neither a
 * message nor a dead letter are no longer recorded as deleted. Call it only for existing chats, and before anything
 * locks them.
 */
export async function recordNumberings(tx: Statements, numberings: readonly Numbering[]): Promise<void> {
  if (numberings.length === 0) return;
  const lowest = new Map<string, Numbering>();
  for (const each of numberings) {
    const key = keyOf(each);
    const known = lowest.get(key);
    if (known === undefined || each.from < known.from) lowest.set(key, each);
  }
  // Sorts the numberings, so that two transactions cannot deadlock.
  const sorted = [...lowest.values()].sort((a, b) => Number(a.chatId - b.chatId) || a.numbering - b.numbering);
  const likely = await unknownAmong(tx, sorted);
  if (likely.length > 0) await lockChats(tx, likely);
  // Checks again, because another transaction may have recorded the numberings before it unlocked the chats.
  const fresh = likely.length > 0 ? await unknownAmong(tx, likely) : [];
  await tx.$executeRawUnsafe(
    `INSERT INTO chat_numberings (chat_id, numbering, from_number) VALUES ${placeholderRows(sorted.length, 3)}
         ON DUPLICATE KEY UPDATE from_number = LEAST(from_number, VALUES(from_number))`,
    ...sorted.flatMap(({ chatId, numbering, from }) => [chatId, numbering, from]),
  );
  if (fresh.length > 0) await beginNumberings(tx, fresh);
}

/** Returns the given numberings that are not recorded yet. */
async function unknownAmong(tx: Statements, numberings: readonly Numbering[]): Promise<Numbering[]> {
  const known = await tx.$queryRawUnsafe<{ chatId: bigint; numbering: number }[]>(
    `SELECT chat_id AS chatId, numbering FROM chat_numberings WHERE (chat_id, numbering) IN (${numberings.map(() => "(?, ?)").join(", ")})`,
    ...numberings.flatMap(({ chatId, numbering }) => [chatId, numbering]),
  );
  const keys = new Set(known.map(keyOf));
  return numberings.filter((each) => !keys.has(keyOf(each)));
}

function keyOf({ chatId, numbering }: Pick<Numbering, "chatId" | "numbering">): string {
  return `${chatId}:${numbering}`;
}

function tableOf(numberings: readonly Numbering[]): { table: string; list: string } {
  return {
    table: `JSON_TABLE(?, '$[*]' COLUMNS (
      id BIGINT PATH '$[0]', numbering INT PATH '$[1]', first INT PATH '$[2]')) AS k`,
    list: JSON.stringify(numberings.map(({ chatId, numbering, from }) => [chatId.toString(), numbering, from])),
  };
}

/** Locks the chats of numberings, and records these numberings as their latest ones. */
async function lockChats(tx: Statements, numberings: readonly Numbering[]): Promise<void> {
  const { table, list } = tableOf(numberings);
  // STRAIGHT_JOIN reads the list first, in the order of the list.
  await tx.$executeRawUnsafe(
    `UPDATE ${table} STRAIGHT_JOIN chats AS c FORCE INDEX (PRIMARY) ON c.id = k.id
        SET c.last_numbering = GREATEST(c.last_numbering, k.numbering)`,
    list,
  );
}

async function beginNumberings(tx: Statements, fresh: readonly Numbering[]): Promise<void> {
  const { table, list } = tableOf(fresh);
  // These numbers may be assigned again. The ones that an earlier numbering left unused must therefore no longer count
  // as unused.
  const unused = await tx.$queryRawUnsafe<ChatNumber[]>(
    `SELECT n.chat_id AS chatId, n.number
       FROM ${table} STRAIGHT_JOIN deleted_numbers AS n FORCE INDEX (PRIMARY) ON n.chat_id = k.id AND n.number >= k.first
       LEFT JOIN messages AS m ON m.chat_id = n.chat_id AND m.number = n.number
       LEFT JOIN dead_letters AS d ON d.chat_id = n.chat_id AND d.number = n.number
      WHERE m.number IS NULL AND d.number IS NULL ORDER BY n.chat_id`,
    list,
  );
  for (const { chatId, number } of unused) await removeDeletedNumber(tx, chatId, number);
  await tx.$executeRawUnsafe(
    `UPDATE ${table} STRAIGHT_JOIN \`reads\` AS r ON r.chat_id = k.id AND r.number >= k.first AND r.numbering < k.numbering
        SET r.number = k.first - 1, r.numbering = k.numbering`,
    list,
  );
}
