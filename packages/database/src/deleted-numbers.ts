import { placeholderRows } from "./transaction.ts";
import type { Statements } from "./session.ts";

/** Records that numbers of a chat have no message to read any more. Unread counts subtract these numbers. */
export async function addDeletedNumbers(tx: Statements, chatId: bigint, numbers: readonly number[]): Promise<void> {
  await tx.$executeRawUnsafe(
    `INSERT INTO deleted_numbers (chat_id, number) VALUES ${placeholderRows(numbers.length, 2)}
         ON DUPLICATE KEY UPDATE number = VALUES(number)`,
    ...numbers.flatMap((number) => [chatId, number]),
  );
}
