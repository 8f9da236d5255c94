import { decodeContent } from "@confab/contracts";
import { createDeadLetters } from "./dead-letters.ts";
import { takeChatsOf, toErasure, type Erasure } from "./erasures.ts";
import { identifierBytes } from "./identifiers.ts";
import { removeMessages } from "./remove-messages.ts";
import { placeholders } from "./transaction.ts";
import type { Database } from "./client.ts";
import type { ErasedChat } from "./generated/client.ts";
import type { MessageRange } from "./messages.ts";

export type { ErasedChat };
export type ErasureWork = ReturnType<typeof createErasureWork>;

/** The tables whose rows belong to a chat. The first one is the largest. */
const TABLES_OF_CHATS = [
  "messages",
  "message_versions",
  "removed_histories",
  "message_changes",
  "deleted_numbers",
  "chat_numberings",
  "reads",
  "dead_letters",
] as const;

/** The steps by which a worker carries out erasures. Every step can be repeated, and two workers in the same step do no harm. */
export function createErasureWork(database: Database) {
  const { prisma } = database;
  return {
    /**
     * Claims the oldest open erasure that no worker holds, for `holdMs` by the server's clock; undefined if there is none.
     * `after` is the id of the last one that was claimed, so that one that has to wait does not hold up the others.
     */
    async claim(after: bigint, holdMs: number): Promise<Erasure | undefined> {
      const free = await prisma.$queryRaw<{ id: bigint }[]>`
        SELECT id FROM erasures
         WHERE finished_at IS NULL AND id > ${after} AND (claimed_until IS NULL OR claimed_until < NOW(3))
         ORDER BY id LIMIT 10`;
      for (const { id } of free) {
        const claimed = await prisma.$executeRaw`
          UPDATE erasures SET claimed_until = NOW(3) + INTERVAL ${holdMs * 1000} MICROSECOND
           WHERE id = ${id} AND finished_at IS NULL AND (claimed_until IS NULL OR claimed_until < NOW(3))`;
        if (claimed === 1) return toErasure(await prisma.erasure.findUniqueOrThrow({ where: { id } }));
      }
      return undefined;
    },

    /** Holds a claim for this long from now on; afterwards, which may be at once, another worker can claim the erasure. */
    hold: async ({ id }: Erasure, holdMs: number): Promise<void> => {
      await prisma.$executeRaw`
        UPDATE erasures SET claimed_until = NOW(3) + INTERVAL ${holdMs * 1000} MICROSECOND WHERE id = ${id}`;
    },

    /** Takes up to `limit` chats of a deleted application, whose rows it deletes, and returns how many it took. */
    takeChats: (erasure: Erasure, limit: number): Promise<number> => takeChatsOf(database, erasure, limit),

    /** The next chats that are to be cleared, by id. */
    chatsToClear: ({ id }: Erasure, { after, limit }: { after: bigint; limit: number }): Promise<ErasedChat[]> =>
      prisma.erasedChat.findMany({
        where: { erasureId: id, erasedAt: null, clearedAt: null, chatId: { gt: after } },
        orderBy: { chatId: "asc" },
        take: limit,
      }),

    /** The next chats that were cleared at least `ageMs` ago and not looked at since. */
    chatsToCheck: ({ id }: Erasure, ageMs: number, limit: number): Promise<ErasedChat[]> =>
      prisma.erasedChat.findMany({
        where: { erasureId: id, erasedAt: null, clearedAt: { lte: new Date(Date.now() - ageMs) } },
        orderBy: [{ clearedAt: "asc" }, { chatId: "asc" }],
        take: limit,
      }),

    /** Deletes rows of the chats, at most `limit` of each table, and returns how many it deleted. 0 means that none is left. */
    async deleteRows(chatIds: readonly bigint[], limit: number): Promise<number> {
      let deleted = 0;
      for (const table of TABLES_OF_CHATS) {
        deleted += await prisma.$executeRawUnsafe(
          `DELETE FROM \`${table}\` WHERE chat_id IN (${placeholders(chatIds)}) LIMIT ${limit}`,
          ...chatIds,
        );
      }
      return deleted;
    },

    /** Deletes dead letters of the erased chats that do not know their chat's id. Returns how many it deleted. */
    deleteLetters: ({ token, chatNumber }: Erasure): Promise<number> =>
      chatNumber === null
        ? prisma.$executeRaw`DELETE FROM dead_letters WHERE application_token = ${token} LIMIT 1000`
        : prisma.$executeRaw`
            DELETE FROM dead_letters WHERE application_token = ${token} AND chat_number = ${chatNumber} LIMIT 1000`,

    /** The lowest id in the search outbox; undefined if it is empty. A range stays there until it was written to the index. */
    async firstOutboxId(): Promise<bigint | undefined> {
      const [first] = await prisma.$queryRaw<{ id: bigint | null }[]>`SELECT MIN(id) AS id FROM search_outbox`;
      return first?.id ?? undefined;
    },

    /** Marks chats as cleared, or as erased. */
    mark: async (chatIds: readonly bigint[], state: "clearedAt" | "erasedAt"): Promise<void> => {
      await prisma.erasedChat.updateMany({ where: { chatId: { in: [...chatIds] } }, data: { [state]: new Date() } });
    },

    /** Whether chats of the erasure are left that are not erased. */
    hasOpenChats: async ({ id, applicationId, chatNumber }: Erasure): Promise<boolean> =>
      (await prisma.erasedChat.findFirst({ where: { erasureId: id, erasedAt: null }, select: { chatId: true } })) !==
        null ||
      (chatNumber === null &&
        (await prisma.chat.findFirst({ where: { applicationId }, select: { id: true } })) !== null),

    /** Deletes the idempotency keys of an application, at most `limit`, and returns how many it deleted. */
    deleteKeys: ({ token }: Erasure, limit: number): Promise<number> =>
      prisma.$executeRaw`DELETE FROM idempotency_keys WHERE scope = ${token} LIMIT ${limit}`,

    /** The next chats in which a sender's messages are to be erased. */
    nextChats: (
      { applicationId, nextChatNumber }: Pick<Erasure, "applicationId" | "nextChatNumber">,
      limit: number,
    ): Promise<{ id: bigint; number: number; lastMessageNumber: number }[]> =>
      prisma.chat.findMany({
        where: { applicationId, number: { gte: nextChatNumber } },
        orderBy: { number: "asc" },
        take: limit,
        select: { id: true, number: true, lastMessageNumber: true },
      }),

    /** The numbers of a sender's messages in a range, tombstones that name the sender included. Later messages are left out. */
    async numbersOf(
      { chatId, from, to }: MessageRange,
      { sender, requestedAt }: { sender: string; requestedAt: Date },
    ): Promise<number[]> {
      const rows = await prisma.$queryRaw<{ number: number }[]>`
        SELECT number FROM messages
         WHERE chat_id = ${chatId} AND number BETWEEN ${from} AND ${to} AND sender = ${identifierBytes(sender)}
           AND created_at <= ${requestedAt} ORDER BY number`;
      return rows.map(({ number }) => number);
    },

    /** Leaves tombstones without a sender, and returns how many messages were deleted. */
    removeMessages: (chatId: bigint, numbers: readonly number[]): Promise<number> =>
      removeMessages(database, chatId, numbers, { forgetSender: true }),

    /** Deletes the read horizon of a reader in a chat. */
    deleteRead: (chatId: bigint, reader: string): Promise<number> =>
      prisma.$executeRaw`DELETE FROM \`reads\` WHERE chat_id = ${chatId} AND reader = ${identifierBytes(reader)}`,

    /** The ids of an application's dead letters that a sender wrote, after an id. */
    async lettersOf({ token, sender, requestedAt }: Erasure, after: bigint, limit: number) {
      const letters = await prisma.deadLetter.findMany({
        where: { token, id: { gt: after }, acceptedAt: { lte: requestedAt } },
        orderBy: { id: "asc" },
        take: limit,
        select: { id: true, otherFields: true },
      });
      const written = letters.filter(({ otherFields }) => decodeContent("", otherFields).sender === sender);
      return { ids: written.map(({ id }) => id), next: letters.length < limit ? undefined : letters.at(-1)?.id };
    },

    /** Deletes a dead letter as an operator would drop it. */
    dropLetter: (id: bigint): Promise<boolean> => createDeadLetters(database).remove(id),

    /** Saves how far the erasure of a sender has come. */
    advance: async ({ id }: Erasure, nextChatNumber: number): Promise<void> => {
      await prisma.erasure.update({ where: { id }, data: { nextChatNumber } });
    },

    /** Notes that all chats are done, so that the next run begins with the first one again. */
    markCleared: async ({ id }: Erasure): Promise<void> => {
      await prisma.erasure.update({ where: { id }, data: { clearedAt: new Date(), nextChatNumber: 0 } });
    },

    /** Ends the erasure. */
    finish: async ({ id }: Erasure): Promise<void> => {
      await prisma.erasure.update({ where: { id }, data: { finishedAt: new Date(), claimedUntil: null } });
    },
  };
}
