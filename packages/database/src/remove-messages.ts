import { addRanges } from "./message-rows.ts";
import { placeholderRows, placeholders, transaction } from "./transaction.ts";
import type { Database, Queryable } from "./client.ts";

interface LiveRow {
  readonly number: number;
  readonly changeNumber: number | null;
}

/**
 * Deletes messages of a chat in one transaction, as `MessageChanges.remove` deletes one: each becomes a tombstone with a change
 * number of its own. With `forgetSender`, the tombstones do not name the sender either, nor do earlier ones. Returns how many it deleted;
 * numbers that are not stored or deleted already are left out.
 */
export function removeMessages(
  database: Database,
  chatId: bigint,
  numbers: readonly number[],
  { forgetSender = false }: { forgetSender?: boolean } = {},
): Promise<number> {
  if (numbers.length === 0) return Promise.resolve(0);
  return transaction(database, async (tx) => {
    const [chat] = await tx.$queryRaw<{ last: number }[]>`
      SELECT last_change_number AS last FROM chats WHERE id = ${chatId} FOR UPDATE`;
    if (!chat) return 0;
    const rows = await tx.$queryRawUnsafe<LiveRow[]>(
      `SELECT number, change_number AS changeNumber FROM messages
        WHERE chat_id = ? AND number IN (${placeholders(numbers)}) AND deleted_at IS NULL ORDER BY number FOR UPDATE`,
      chatId,
      ...numbers,
    );
    if (rows.length > 0) await leaveTombstones(tx, chatId, rows, chat.last);
    if (forgetSender) {
      await tx.$executeRawUnsafe(
        `UPDATE messages SET sender = NULL WHERE chat_id = ? AND number IN (${placeholders(numbers)})`,
        chatId,
        ...numbers,
      );
    }
    return rows.length;
  });
}

async function leaveTombstones(tx: Queryable, chatId: bigint, rows: readonly LiveRow[], last: number): Promise<void> {
  const now = new Date();
  const numbers = rows.map(({ number }) => number);
  const earlier = rows.flatMap(({ changeNumber }) => changeNumber ?? []);
  await tx.messageVersion.deleteMany({ where: { chatId, number: { in: numbers } } });
  await tx.messageChange.deleteMany({ where: { chatId, changeNumber: { in: earlier } } });
  const changes = numbers.map((number, at) => ({ chatId, changeNumber: last + 1 + at, number }));
  await tx.messageChange.createMany({ data: changes });
  await tx.$executeRaw`
    UPDATE JSON_TABLE(${JSON.stringify(changes.map(({ number, changeNumber }) => [number, changeNumber]))}, '$[*]'
             COLUMNS (number INT PATH '$[0]', change_number INT PATH '$[1]')) AS k
      STRAIGHT_JOIN messages AS m ON m.chat_id = ${chatId} AND m.number = k.number
       SET m.body = '', m.metadata = NULL, m.deleted_at = ${now}, m.updated_at = ${now}, m.version = m.version + 1,
           m.change_number = k.change_number`;
  await tx.$executeRawUnsafe(
    `INSERT INTO deleted_numbers (chat_id, number) VALUES ${placeholderRows(numbers.length, 2)}
         ON DUPLICATE KEY UPDATE number = VALUES(number)`,
    ...numbers.flatMap((number) => [chatId, number]),
  );
  await tx.$executeRaw`
    UPDATE chats SET last_change_number = ${last + numbers.length}, messages_count = messages_count - ${numbers.length}
     WHERE id = ${chatId}`;
  await addRanges(
    tx,
    numbers.map((number) => ({ chatId, number, bytes: 0 })),
    now,
  );
}
