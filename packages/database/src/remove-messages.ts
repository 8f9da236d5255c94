import { nextChangeNumber } from "./change-numbers.ts";
import { addDeletedNumbers } from "./deleted-numbers.ts";
import { addRanges } from "./outbox-ranges.ts";
import { noteRemovedHistories } from "./removed-histories.ts";
import { clearMessages, clearSenders } from "./tombstones.ts";
import { placeholders, transaction } from "./transaction.ts";
import type { Database, Queryable } from "./client.ts";

interface LiveRow {
  readonly number: number;
  readonly version: number;
  readonly changeNumber: number | null;
}

interface RemoveOptions {
  /** Whether the tombstones, earlier ones included, do not name the sender. */
  readonly forgetSender?: boolean;
}

/**
 * Deletes messages of a chat in one transaction, as `MessageChanges.remove` deletes one: each becomes a tombstone with a change
 * number of its own. Returns how many it deleted; numbers that are not stored or deleted already are left out.
 */
export function removeMessages(
  database: Database,
  chatId: bigint,
  numbers: readonly number[],
  options: RemoveOptions = {},
): Promise<number> {
  if (numbers.length === 0) return Promise.resolve(0);
  return transaction(database, async (tx) => {
    const found = await tx.$queryRaw<unknown[]>`SELECT id FROM chats WHERE id = ${chatId} FOR UPDATE`;
    return found.length === 0 ? 0 : removeFrom(tx, chatId, numbers, options);
  });
}

/** Does the same in a transaction that has locked the row of the chat. */
export async function removeFrom(
  tx: Queryable,
  chatId: bigint,
  numbers: readonly number[],
  { forgetSender = false }: RemoveOptions,
): Promise<number> {
  // Without locks: whoever changes a message locks its chat first. A scan for these rows would wait for rows that are being stored, and
  // who stores them waits for the chat.
  const rows = await tx.$queryRawUnsafe<LiveRow[]>(
    `SELECT number, version, change_number AS changeNumber FROM messages
      WHERE chat_id = ? AND number IN (${placeholders(numbers)}) AND deleted_at IS NULL ORDER BY number`,
    chatId,
    ...numbers,
  );
  if (rows.length > 0) await leaveTombstones(tx, chatId, rows, (await nextChangeNumber(tx, chatId))!);
  if (forgetSender) await clearSenders(tx, chatId, numbers);
  return rows.length;
}

/** Deletes messages in a transaction that has locked the row of their chat. They take the change numbers from `next` on. */
export async function leaveTombstones(
  tx: Queryable,
  chatId: bigint,
  rows: readonly LiveRow[],
  next: number,
): Promise<void> {
  const now = new Date();
  const numbers = rows.map(({ number }) => number);
  const edited = rows.filter(({ version }) => version > 1).map(({ number }) => number);
  await noteRemovedHistories(tx, chatId, edited);
  const earlier = rows.flatMap(({ changeNumber }) => changeNumber ?? []);
  if (earlier.length > 0) await tx.messageChange.deleteMany({ where: { chatId, changeNumber: { in: earlier } } });
  const changes = numbers.map((number, at) => ({ chatId, changeNumber: next + at, number }));
  await tx.messageChange.createMany({ data: changes });
  await clearMessages(tx, chatId, changes, now);
  await addDeletedNumbers(tx, chatId, numbers);
  await tx.$executeRaw`
    UPDATE chats SET last_change_number = ${changes.at(-1)!.changeNumber}, messages_count = messages_count - ${numbers.length},
                     numbers_sum = numbers_sum - ${numbers.reduce((sum, number) => sum + number, 0)}
     WHERE id = ${chatId}`;
  await addRanges(
    tx,
    numbers.map((number) => ({ chatId, number, bytes: 0 })),
    now,
  );
}
