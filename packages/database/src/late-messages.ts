import { inOrderOfChats, type ChatNumber } from "./deleted-numbers.ts";
import { noteChanges } from "./note-changes.ts";
import { placeholders } from "./transaction.ts";
import type { Statements } from "./session.ts";

/**
 * Gives change numbers to stored messages that readers may have passed without seeing them, so that readers receive
 * these messages. Leaves out messages that already have one.
 */
export async function noteLate(tx: Statements, numbers: readonly ChatNumber[]): Promise<void> {
  for (const [chatId, own] of inOrderOfChats(numbers)) await noteChanges(tx, chatId, own);
}

/** Locks the chats of these messages in id order. Call it before any statement that locks only some of these chats. */
export async function lockChatsOf(tx: Statements, messages: readonly Pick<ChatNumber, "chatId">[]): Promise<void> {
  const ids = [...new Set(messages.map(({ chatId }) => chatId))];
  await tx.$queryRawUnsafe(
    `SELECT id FROM chats FORCE INDEX (PRIMARY) WHERE id IN (${placeholders(ids)}) ORDER BY id FOR UPDATE`,
    ...ids,
  );
}
