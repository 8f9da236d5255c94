import { addDeletedNumbers, inOrderOfChats, type ChatNumber } from "./deleted-numbers.ts";
import { insertMessages } from "./insert-messages.ts";
import { compareWithStored, sortByKey, type NewMessage } from "./message-rows.ts";
import type { Statements } from "./session.ts";

/** The columns whose values a tombstone keeps. */
const keptColumns = ["chat_id", "number", "uid", "sender", "reply_to", "created_at", "edited_at", "epoch"];

/**
 * Turns stored messages of a chat into tombstones with the given change numbers. Leaves out numbers that are not
 * stored. Replaces each row by a row with only the kept columns, so that all others lose their values, even columns
 * that only a newer version of Confab knows.
 */
export async function clearMessages(
  tx: Statements,
  chatId: bigint,
  changes: readonly { readonly number: number; readonly changeNumber: number }[],
  now: Date,
): Promise<void> {
  await tx.$executeRawUnsafe(
    `REPLACE INTO messages (${keptColumns.join(", ")}, body, version, change_number, updated_at, deleted_at)
     SELECT ${keptColumns.map((column) => `m.${column}`).join(", ")}, '', m.version + 1, k.change_number, ?, ?
       FROM JSON_TABLE(?, '$[*]' COLUMNS (number INT PATH '$[0]', change_number DOUBLE PATH '$[1]')) AS k
       STRAIGHT_JOIN messages AS m ON m.chat_id = ? AND m.number = k.number`,
    now,
    now,
    JSON.stringify(changes.map(({ number, changeNumber }) => [number, changeNumber])),
    chatId,
  );
}

/** Removes the senders from messages and tombstones in a chat. */
export async function clearSenders(tx: Statements, chatId: bigint, numbers: readonly number[]): Promise<void> {
  await tx.$executeRawUnsafe(
    `UPDATE JSON_TABLE(?, '$[*]' COLUMNS (number INT PATH '$')) AS k
       STRAIGHT_JOIN messages AS m ON m.chat_id = ? AND m.number = k.number
        SET m.sender = NULL`,
    JSON.stringify(numbers),
    chatId,
  );
}

/**
 * Leaves tombstones under numbers whose messages were not stored, unless a dead letter or another message has the
 * number: readers may have received the messages while these were pending. Returns the new tombstones, which name no
 * sender and have no change numbers yet. The tombstone of a repetition has version 1, because its message was not
 * deleted but has another number. Call it before chats are locked, because it waits for rows that others insert.
 */
export async function insertTombstones(
  tx: Statements,
  messages: readonly NewMessage[],
  now: Date,
  { ofRepetitions = false }: { ofRepetitions?: boolean } = {},
): Promise<ChatNumber[]> {
  if (messages.length === 0) return [];
  const { fresh } = await compareWithStored(tx, "dead_letters", messages);
  const empty = fresh.map(({ chatId, number, uid, epoch, createdAt }) => {
    return { chatId, number, uid, body: "", epoch, createdAt };
  });
  // A trigger that refused the message may also refuse this row.
  const { stored } = await insertMessages(tx, sortByKey(empty));
  if (stored.length === 0) return [];
  await tx.$executeRawUnsafe(
    `UPDATE JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]', number INT PATH '$[1]')) AS k
       STRAIGHT_JOIN messages AS m FORCE INDEX (PRIMARY) ON m.chat_id = k.id AND m.number = k.number
        SET m.deleted_at = ?, m.updated_at = ?, m.version = m.version + ?`,
    JSON.stringify(stored.map(({ chatId, number }) => [chatId.toString(), number])),
    now,
    now,
    ofRepetitions ? 0 : 1,
  );
  return stored;
}

/** Counts the numbers of new tombstones as both used and deleted. */
export async function countTombstones(tx: Statements, tombstones: readonly ChatNumber[]): Promise<void> {
  for (const [chatId, numbers] of inOrderOfChats(tombstones)) {
    await addDeletedNumbers(tx, chatId, numbers);
    await tx.$executeRawUnsafe(
      "UPDATE chats SET last_message_number = GREATEST(last_message_number, ?) WHERE id = ?",
      Math.max(...numbers),
      chatId,
    );
  }
}
