import type { Queryable } from "./client.ts";

/** Records that a number of a chat has no message to read any more. Unread counts subtract these numbers. */
export async function addDeletedNumber(tx: Queryable, chatId: bigint, number: number): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO deleted_numbers (chat_id, number) VALUES (${chatId}, ${number}) ON DUPLICATE KEY UPDATE number = VALUES(number)`;
}
