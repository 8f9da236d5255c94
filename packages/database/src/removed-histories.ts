import { placeholderRows, placeholders } from "./transaction.ts";
import type { Database, Queryable } from "./client.ts";

const messagesAtOnce = 200;
/** Maximum number of versions that one statement deletes. Together they take 8 MB if each is as long as possible. */
const versionsAtOnce = 100;

/**
 * Notes deleted messages whose earlier versions `removeHistories` deletes later: there can be too many to delete them
 * under the lock of the chat.
 */
export async function noteRemovedHistories(tx: Queryable, chatId: bigint, numbers: readonly number[]): Promise<void> {
  if (numbers.length === 0) return;
  await tx.$executeRawUnsafe(
    `INSERT INTO removed_histories (chat_id, number) VALUES ${placeholderRows(numbers.length, 2)}
         ON DUPLICATE KEY UPDATE number = VALUES(number)`,
    ...numbers.flatMap((number) => [chatId, number]),
  );
}

/**
 * Deletes the earlier versions of deleted messages, one slice per statement and without locking a chat. Ends when none
 * are left, or after the first slice that ends later than `forMs`. Two calls can run at once.
 */
export async function removeHistories({ prisma }: Database, { forMs }: { forMs: number }): Promise<void> {
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    const noted = await prisma.removedHistory.findMany({
      orderBy: [{ chatId: "asc" }, { number: "asc" }],
      take: messagesAtOnce,
    });
    const [first] = noted;
    if (first === undefined) return;
    const { chatId } = first;
    const numbers = noted.filter((other) => other.chatId === chatId).map(({ number }) => number);
    const deleted = await prisma.$executeRawUnsafe(
      `DELETE FROM message_versions WHERE chat_id = ? AND number IN (${placeholders(numbers)}) LIMIT ${versionsAtOnce}`,
      chatId,
      ...numbers,
    );
    // A deleted message gets no further versions, so its note can be removed as soon as no version is left.
    if (deleted === 0) await prisma.removedHistory.deleteMany({ where: { chatId, number: { in: numbers } } });
  }
}
