import type { Database } from "./client.ts";
import type { Message } from "./generated/client.ts";

/** Numbers of one chat, both ends included. */
export interface MessageRange {
  readonly chatId: bigint;
  readonly from: number;
  readonly to: number;
}

/** A message with what search and export need to place it. */
export type PlacedMessage = Message & { applicationId: bigint };

export interface RangeQuery {
  /** Both ends are included; absent means the chat's first or last message. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly order?: "asc" | "desc" | undefined;
  readonly limit: number;
}

// STRAIGHT_JOIN: messages first, along their key; MariaDB would rather begin with all chats and sort.
const PLACED = `
  SELECT m.chat_id AS chatId, m.number, m.uid, m.version, m.body, m.created_at AS createdAt, m.updated_at AS updatedAt,
         m.edited_at AS editedAt, m.deleted_at AS deletedAt, c.application_id AS applicationId
    FROM messages m STRAIGHT_JOIN chats c ON c.id = m.chat_id`;

export type Messages = ReturnType<typeof createMessages>;

/** Stored messages, deleted ones (`deletedAt`) included, always read along the clustered key. */
export function createMessages({ prisma }: Database) {
  return {
    find: async (chatId: bigint, number: number): Promise<Message | undefined> =>
      (await prisma.message.findUnique({ where: { chatId_number: { chatId, number } } })) ?? undefined,

    /** One window of a chat; with `order: "desc"` the highest numbers come first. */
    range: (chatId: bigint, { from, to, order = "asc", limit }: RangeQuery): Promise<Message[]> =>
      prisma.message.findMany({
        where: {
          chatId,
          number: { ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lte: to }) },
        },
        orderBy: { number: order },
        take: limit,
      }),

    /** Messages that are not deleted, newest first, those numbered below `before` only. */
    newest: (chatId: bigint, { before, limit }: { before?: number; limit: number }): Promise<Message[]> =>
      prisma.message.findMany({
        where: { chatId, deletedAt: null, ...(before === undefined ? {} : { number: { lt: before } }) },
        orderBy: { number: "desc" },
        take: limit,
      }),

    /** The next messages of the whole table in key order; start with chat 0, number 0. */
    async scan(after: { afterChatId: bigint; afterNumber: number; limit: number }): Promise<PlacedMessage[]> {
      const { afterChatId, afterNumber, limit } = after;
      const rest = await prisma.$queryRawUnsafe<PlacedMessage[]>(
        `${PLACED} WHERE m.chat_id = ? AND m.number > ? ORDER BY m.number LIMIT ?`,
        afterChatId,
        afterNumber,
        limit,
      );
      if (rest.length === limit) return rest;
      // Two reads, since neither server reads along the key for `(chat_id, number) > (?, ?)`.
      const following = await prisma.$queryRawUnsafe<PlacedMessage[]>(
        `${PLACED} WHERE m.chat_id > ? ORDER BY m.chat_id, m.number LIMIT ?`,
        afterChatId,
        limit - rest.length,
      );
      return [...rest, ...following];
    },

    /** Every stored message of the ranges, in key order; ranges may overlap, and what is missing is left out. */
    async inRanges(ranges: readonly MessageRange[]): Promise<PlacedMessage[]> {
      if (ranges.length === 0) return [];
      const windows = ranges.map(() => "(m.chat_id = ? AND m.number BETWEEN ? AND ?)").join(" OR ");
      return prisma.$queryRawUnsafe<PlacedMessage[]>(
        `${PLACED} WHERE ${windows} ORDER BY m.chat_id, m.number`,
        ...ranges.flatMap(({ chatId, from, to }) => [chatId, from, to]),
      );
    },
  };
}
