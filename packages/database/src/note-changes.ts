import { nextChangeNumber } from "./change-numbers.ts";
import { placeholders } from "./transaction.ts";
import type { Statements } from "./session.ts";

/**
 * Gives stored messages change numbers of their own, by which readers who have passed their numbers notice them. Those that have one are
 * left out: they changed later.
 */
export async function noteChanges(tx: Statements, chatId: bigint, numbers: readonly number[]): Promise<void> {
  const next = await nextChangeNumber(tx, chatId);
  if (next === undefined) return;
  const rows = await tx.$queryRawUnsafe<{ number: number }[]>(
    `SELECT number FROM messages
      WHERE chat_id = ? AND number IN (${placeholders(numbers)}) AND change_number IS NULL ORDER BY number`,
    chatId,
    ...numbers,
  );
  if (rows.length === 0) return;
  const changes = rows.map(({ number }, at) => [number, next + at] as const);
  await tx.$executeRawUnsafe(
    `INSERT INTO message_changes (chat_id, number, change_number) VALUES ${changes.map(() => "(?, ?, ?)").join(", ")}`,
    ...changes.flatMap((change) => [chatId, ...change]),
  );
  await tx.$executeRawUnsafe(
    `UPDATE JSON_TABLE(?, '$[*]' COLUMNS (number INT PATH '$[0]', change_number DOUBLE PATH '$[1]')) AS k
       STRAIGHT_JOIN messages AS m ON m.chat_id = ? AND m.number = k.number
        SET m.change_number = k.change_number`,
    JSON.stringify(changes),
    chatId,
  );
  await tx.$executeRawUnsafe("UPDATE chats SET last_change_number = ? WHERE id = ?", changes.at(-1)![1], chatId);
}
