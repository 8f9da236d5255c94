import { placeholderRows, placeholders } from "./transaction.ts";
import type { Statements } from "./session.ts";

/** Number of message numbers per block. Block b contains the numbers from 1,000 b to 1,000 b + 999. */
const blockSize = 1_000;
const blockOf = (number: number): number => Math.floor(number / blockSize);

export interface ChatNumber {
  readonly chatId: bigint;
  readonly number: number;
}

/** Message numbers of a chat, both bounds included. */
export interface NumberRange {
  readonly chatId: bigint;
  readonly from: number;
  readonly to: number;
}

/**
 * Records that some numbers of a chat no longer have a message that can be read. Unread counts subtract these numbers.
 * Leaves out numbers that are already recorded.
 */
export async function addDeletedNumbers(tx: Statements, chatId: bigint, numbers: readonly number[]): Promise<void> {
  // Locks the blocks first, so that nobody else adds numbers to them until the transaction ends.
  await addToBlocks(tx, chatId, new Map(numbers.map((number) => [blockOf(number), 0])));
  const rows = await tx.$queryRawUnsafe<{ number: number }[]>(
    `SELECT number FROM deleted_numbers WHERE chat_id = ? AND number IN (${placeholders(numbers)})`,
    chatId,
    ...numbers,
  );
  const known = new Set(rows.map(({ number }) => number));
  const added = [...new Set(numbers)].filter((number) => !known.has(number));
  if (added.length === 0) return;
  await tx.$executeRawUnsafe(
    `INSERT INTO deleted_numbers (chat_id, number) VALUES ${placeholderRows(added.length, 2)}`,
    ...added.flatMap((number) => [chatId, number]),
  );
  const blocks = new Map<number, number>();
  for (const number of added) blocks.set(blockOf(number), (blocks.get(blockOf(number)) ?? 0) + 1);
  await addToBlocks(tx, chatId, blocks);
}

/** Groups numbers by chat and sorts the chats by id. Transactions that lock chats in the same order cannot deadlock. */
export function inOrderOfChats(numbers: readonly ChatNumber[]): [chatId: bigint, numbers: number[]][] {
  const chats = [...Map.groupBy(numbers, ({ chatId }) => chatId)].sort(([a], [b]) => Number(a - b));
  return chats.map(([chatId, own]) => [chatId, own.map(({ number }) => number)]);
}

/** Records the given numbers like `addDeletedNumbers`, except for numbers that have a message or a dead letter. */
export async function addUnusedNumbers(tx: Statements, numbers: readonly ChatNumber[]): Promise<void> {
  if (numbers.length === 0) return;
  const unused = await tx.$queryRawUnsafe<ChatNumber[]>(
    `SELECT k.id AS chatId, k.at AS number FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]', at INT PATH '$[1]')) AS k
       LEFT JOIN messages AS m ON m.chat_id = k.id AND m.number = k.at
       LEFT JOIN dead_letters AS d ON d.chat_id = k.id AND d.number = k.at
      WHERE m.number IS NULL AND d.number IS NULL`,
    JSON.stringify(numbers.map(({ chatId, number }) => [chatId.toString(), number])),
  );
  for (const [chatId, own] of inOrderOfChats(unused)) await addDeletedNumbers(tx, chatId, own);
}

/** Records that a number has a message again. */
export async function removeDeletedNumber(tx: Statements, chatId: bigint, number: number): Promise<void> {
  await addToBlocks(tx, chatId, new Map([[blockOf(number), 0]]));
  const removed = await tx.$executeRawUnsafe(
    "DELETE FROM deleted_numbers WHERE chat_id = ? AND number = ?",
    chatId,
    number,
  );
  if (removed > 0) await addToBlocks(tx, chatId, new Map([[blockOf(number), -removed]]));
}

/**
 * Returns SQL that counts the deleted numbers in ranges of different chats. Its rows consist of `chatId` and `missing`,
 * and a chat may have several rows. In each range, the SQL reads single numbers from at most two blocks, however many
 * were deleted.
 */
export function countDeletedNumbers(ranges: readonly NumberRange[]): { sql: string; values: (bigint | number)[] } {
  const edges: NumberRange[] = [];
  const inner: NumberRange[] = [];
  for (const { chatId, from, to } of ranges) {
    const [first, last] = [blockOf(from) + 1, blockOf(to) - 1];
    if (first > last) edges.push({ chatId, from, to });
    else {
      inner.push({ chatId, from: first, to: last });
      edges.push({ chatId, from, to: first * blockSize - 1 }, { chatId, from: (last + 1) * blockSize, to });
    }
  }
  const windows = (of: readonly NumberRange[], column: string): string =>
    of.map(() => `(d.chat_id = ? AND d.${column} BETWEEN ? AND ?)`).join(" OR ");
  const ofEdges = `SELECT d.chat_id AS chatId, COUNT(*) AS missing FROM deleted_numbers d FORCE INDEX (PRIMARY)
        WHERE ${windows(edges, "number")} GROUP BY d.chat_id`;
  const ofBlocks = `SELECT d.chat_id AS chatId, SUM(d.numbers) AS missing FROM deleted_blocks d FORCE INDEX (PRIMARY)
        WHERE ${windows(inner, "block")} GROUP BY d.chat_id`;
  return {
    sql: inner.length === 0 ? ofEdges : `${ofEdges} UNION ALL ${ofBlocks}`,
    values: [...edges, ...inner].flatMap(({ chatId, from, to }) => [chatId, from, to]),
  };
}

/** Adds to the blocks' counts of deleted numbers, and locks the blocks until the transaction ends. */
async function addToBlocks(tx: Statements, chatId: bigint, blocks: ReadonlyMap<number, number>): Promise<void> {
  const sorted = [...blocks].sort(([a], [b]) => a - b);
  await tx.$executeRawUnsafe(
    `INSERT INTO deleted_blocks (chat_id, block, numbers) VALUES ${placeholderRows(sorted.length, 3)}
         ON DUPLICATE KEY UPDATE numbers = numbers + VALUES(numbers)`,
    ...sorted.flatMap(([block, by]) => [chatId, block, by]),
  );
}
