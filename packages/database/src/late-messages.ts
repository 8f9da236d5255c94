import { inOrderOfChats, type ChatNumber } from "./deleted-numbers.ts";
import { noteChanges } from "./note-changes.ts";
import { placeholders } from "./transaction.ts";
import type { Statements } from "./session.ts";

/** Notes which of these numbers have a stored message that readers may not have been shown. */
export async function noteLate(tx: Statements, numbers: readonly ChatNumber[]): Promise<void> {
  for (const [chatId, own] of inOrderOfChats(numbers)) await noteChanges(tx, chatId, own);
}

/** Locks the chats of messages in the order of their ids, before statements lock only some of them. */
export async function lockChatsOf(tx: Statements, messages: readonly Pick<ChatNumber, "chatId">[]): Promise<void> {
  const ids = [...new Set(messages.map(({ chatId }) => chatId))];
  await tx.$queryRawUnsafe(
    `SELECT id FROM chats FORCE INDEX (PRIMARY) WHERE id IN (${placeholders(ids)}) ORDER BY id FOR UPDATE`,
    ...ids,
  );
}
