import { decodeContent } from "@confab/contracts";
import { clearDamagedLetters, type EarlierMessages } from "./damaged-letters.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { identifierBytes } from "./identifiers.ts";
import { removeMessages } from "./remove-messages.ts";
import { placeholders } from "./transaction.ts";
import type { Database } from "./client.ts";
import type { Erasure } from "./erasures.ts";
import type { MessageAddress, MessageRange } from "./messages.ts";

/** A sender, and the epoch of the application that the request to erase it began. */
export interface ErasedSender {
  readonly sender: string;
  readonly epoch: number;
}

/** Creates the steps by which a worker erases what a sender wrote before the epoch of the request. */
export function createSenderWork(database: Database) {
  const { prisma } = database;
  return {
    /** The next chats of an application, by number. */
    nextChats: (
      { applicationId }: Pick<Erasure, "applicationId">,
      from: number,
      limit: number,
    ): Promise<{ id: bigint; number: number; lastMessageNumber: number }[]> =>
      prisma.$queryRaw`
        SELECT id, number, last_message_number AS lastMessageNumber
          FROM chats FORCE INDEX (chats_application_id_number_key)
         WHERE application_id = ${applicationId} AND number >= ${from} ORDER BY number LIMIT ${limit}`,

    /** Reads the sender's messages in the ranges, in key order; tombstones that name the sender are among them. */
    async messagesOf({ sender, epoch }: ErasedSender, ranges: readonly MessageRange[]): Promise<MessageAddress[]> {
      if (ranges.length === 0) return [];
      const windows = ranges.map(() => "(chat_id = ? AND number BETWEEN ? AND ?)").join(" OR ");
      return prisma.$queryRawUnsafe<MessageAddress[]>(
        `SELECT chat_id AS chatId, number FROM messages
          WHERE (${windows}) AND sender = ? AND (epoch IS NULL OR epoch < ?) ORDER BY chat_id, number`,
        ...ranges.flatMap(({ chatId, from, to }) => [chatId, from, to]),
        identifierBytes(sender),
        epoch,
      );
    },

    /** Leaves tombstones without a sender, and returns how many messages were deleted. */
    removeMessages: (chatId: bigint, numbers: readonly number[]): Promise<number> =>
      removeMessages(database, chatId, numbers, { forgetSender: true }),

    /** Deletes the sender's read horizons in the chats that were not written since the request, and returns how many. */
    deleteHorizons: async ({ sender, epoch }: ErasedSender, chatIds: readonly bigint[]): Promise<number> =>
      chatIds.length === 0
        ? 0
        : prisma.$executeRawUnsafe(
            `DELETE FROM \`reads\` WHERE chat_id IN (${placeholders(chatIds)}) AND reader = ? AND epoch < ?`,
            ...chatIds,
            identifierBytes(sender),
            epoch,
          ),

    /** Reads the ids of an application's dead letters that the sender wrote, after an id. */
    async lettersOf({ token, sender, epoch }: ErasedSender & { token: string }, after: bigint, limit: number) {
      const letters = await prisma.$queryRaw<{ id: bigint; otherFields: string | null }[]>`
        SELECT id, other_fields AS otherFields FROM dead_letters FORCE INDEX (PRIMARY)
         WHERE id > ${after} AND application_token = ${token} AND (epoch IS NULL OR epoch < ${epoch})
         ORDER BY id LIMIT ${limit}`;
      const written = letters.filter(({ otherFields }) => decodeContent("", otherFields).content.sender === sender);
      return { ids: written.map(({ id }) => id), next: letters.length < limit ? undefined : letters.at(-1)?.id };
    },

    /** Removes the text of damaged dead letters that the sender may have written. Returns how many it changed. */
    clearLetters: (earlier: EarlierMessages): Promise<number> => clearDamagedLetters(database, earlier),

    /** Deletes a dead letter as an operator would drop it. */
    dropLetter: (id: bigint): Promise<boolean> => createDeadLetters(database).remove(id),

    /** Saves how far the erasure of a sender has come: the chat and the number in it with which it continues. */
    advance: async ({ id }: Pick<Erasure, "id">, nextChatNumber: number, nextNumber: number): Promise<void> => {
      await prisma.erasure.update({ where: { id }, data: { nextChatNumber, nextNumber } });
    },

    /** Notes that all chats are done, so that the next run begins with the first one again. */
    markCleared: async ({ id }: Pick<Erasure, "id">): Promise<void> => {
      await prisma.$executeRaw`
        UPDATE erasures SET cleared_at = UTC_TIMESTAMP(3), next_chat_number = 0, next_number = 1 WHERE id = ${id}`;
    },
  };
}
