import { contentFields, maxNumber, type Metadata } from "@confab/contracts";
import { identifierText } from "./identifiers.ts";
import { withMetadata } from "./metadata-text.ts";
import type { Database } from "./client.ts";
import type { Message as MessageRow } from "./generated/client.ts";

/** A stored message. */
export type Message = Omit<MessageRow, "metadata" | "sender" | "epoch"> & {
  readonly sender: string | null;
  readonly metadata: Metadata | null;
};

/** A range of numbers in a chat, both ends included. */
export interface MessageRange {
  readonly chatId: bigint;
  readonly from: number;
  readonly to: number;
}

/** A message with the id of its application and the number of its chat. Search and export need both. */
export type MessageWithApplication = Message & { applicationId: bigint; chatNumber: number };

export interface RangeQuery {
  /** Both ends are included. By default, the range begins at the chat's first message and ends at its last one. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly order?: "asc" | "desc" | undefined;
  readonly limit: number;
}

/** The number of messages, and the sum of their numbers as a double, which is exact up to 2⁵³. */
export interface MessageCount {
  readonly count: number;
  readonly sum: number;
}

export interface MessageVersion {
  readonly chatId: bigint;
  readonly number: number;
  readonly uid: Uint8Array;
  readonly version: number;
  readonly changeNumber: number | null;
  readonly bytes: number;
  readonly updatedAt: Date;
}

/** The primary key of a message. */
export interface MessageAddress {
  readonly chatId: bigint;
  readonly number: number;
}

/** The state of a message, without its content. */
export interface MessageState {
  readonly uid: Uint8Array;
  readonly version: number;
  readonly changeNumber: number | null;
  readonly editedAt: Date | null;
}

/** A chat with the time of its latest stored message. */
export interface ActiveChat {
  readonly chatId: bigint;
  readonly chatNumber: number;
  readonly lastMessageAt: Date;
}

export interface MessageSize {
  readonly number: number;
  readonly bytes: number;
}

/** The columns of `messages AS m` that make up a `MessageRow`. */
export const messageColumns = `m.chat_id AS chatId, m.number, m.uid, m.version, ${contentFields.map((field) => `m.${field}`).join(", ")},
         m.created_at AS createdAt, m.updated_at AS updatedAt, m.edited_at AS editedAt, m.deleted_at AS deletedAt,
         m.change_number AS changeNumber`;

// STRAIGHT_JOIN reads the messages first, in key order. MariaDB would otherwise read all chats first and sort.
const selectWithApplication = `
  SELECT ${messageColumns}, c.application_id AS applicationId, c.number AS chatNumber
    FROM messages m STRAIGHT_JOIN chats c ON c.id = m.chat_id`;

export type Messages = ReturnType<typeof createMessages>;

/**
 * An SQL expression for the size of a message's content in bytes. The result is nearly the same as from `contentBytes`.
 */
export const contentSizes = contentFields.map((field) => `COALESCE(LENGTH(${field}), 0)`).join(" + ");

/** Reads stored messages, including deleted ones (`deletedAt`), always in the order of the clustered key. */
export function createMessages({ prisma }: Database) {
  async function range(chatId: bigint, { from, to, order = "asc", limit }: RangeQuery): Promise<Message[]> {
    const rows = await prisma.message.findMany({
      where: {
        chatId,
        number: { ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lte: to }) },
      },
      orderBy: { number: order },
      take: limit,
    });
    return rows.map(toMessage);
  }

  async function withApplication(sql: string, ...values: unknown[]): Promise<MessageWithApplication[]> {
    const rows = await prisma.$queryRawUnsafe<(MessageRow & { applicationId: bigint; chatNumber: number })[]>(
      `${selectWithApplication} ${sql}`,
      ...values,
    );
    return rows.map(toMessage);
  }

  async function sizes(
    chatId: bigint,
    { from = 0, to = maxNumber, order = "asc", limit }: RangeQuery,
  ): Promise<MessageSize[]> {
    const rows = await prisma.$queryRawUnsafe<{ number: number; bytes: bigint | number }[]>(
      `SELECT number, ${contentSizes} AS bytes FROM messages
        WHERE chat_id = ? AND number BETWEEN ? AND ? ORDER BY number ${order === "asc" ? "ASC" : "DESC"} LIMIT ?`,
      chatId,
      from,
      Math.min(to, maxNumber),
      limit,
    );
    return rows.map(({ number, bytes }) => ({ number, bytes: Number(bytes) }));
  }

  return {
    async find(chatId: bigint, number: number): Promise<Message | undefined> {
      const row = await prisma.message.findUnique({ where: { chatId_number: { chatId, number } } });
      return row === null ? undefined : toMessage(row);
    },

    /** Reads a range of messages of a chat. With `order: "desc"`, the highest numbers come first. */
    range,

    /** Reads the sizes of the contents in the same range, in bytes, to decide how many messages to read. */
    sizes,

    /** Returns the highest stored number in the chat, or 0 if the chat is empty. */
    async lastNumber(chatId: bigint): Promise<number> {
      const last = await prisma.message.findFirst({
        where: { chatId },
        orderBy: { number: "desc" },
        select: { number: true },
      });
      return last?.number ?? 0;
    },

    /**
     * Counts the messages in each range that are stored and not deleted. Returns the counts in the order of the ranges.
     */
    async counts(ranges: readonly MessageRange[]): Promise<MessageCount[]> {
      if (ranges.length === 0) return [];
      const one = `
        SELECT COUNT(*) AS messages, CAST(COALESCE(SUM(number), 0) AS SIGNED) AS numbers
          FROM messages WHERE chat_id = ? AND number BETWEEN ? AND ? AND deleted_at IS NULL`;
      const rows = await prisma.$queryRawUnsafe<Record<"messages" | "numbers", bigint | number>[]>(
        ranges.map(() => one).join(" UNION ALL "),
        ...ranges.flatMap(({ chatId, from, to }) => [chatId, from, to]),
      );
      return rows.map(({ messages, numbers }) => ({ count: Number(messages), sum: Number(numbers) }));
    },

    /** Reads the versions, but not the contents, of the messages in a range that are stored and not deleted. */
    async versions({ chatId, from, to }: MessageRange): Promise<MessageVersion[]> {
      const rows = await prisma.$queryRawUnsafe<(Omit<MessageVersion, "bytes"> & { bytes: bigint | number })[]>(
        `SELECT chat_id AS chatId, number, uid, version, change_number AS changeNumber, ${contentSizes} AS bytes,
                updated_at AS updatedAt
           FROM messages WHERE chat_id = ? AND number BETWEEN ? AND ? AND deleted_at IS NULL ORDER BY number`,
        chatId,
        from,
        to,
      );
      return rows.map(({ bytes, ...row }) => ({ ...row, bytes: Number(bytes) }));
    },

    /** Reads the states of those given messages that are stored and not deleted, by chat id and number. */
    async states(keys: readonly MessageAddress[]): Promise<Map<bigint, Map<number, MessageState>>> {
      if (keys.length === 0) return new Map();
      const chats = Map.groupBy(keys, ({ chatId }) => chatId);
      const rows = await prisma.message.findMany({
        where: {
          OR: [...chats].map(([chatId, of]) => ({ chatId, number: { in: of.map(({ number }) => number) } })),
          deletedAt: null,
        },
        select: { chatId: true, number: true, uid: true, version: true, changeNumber: true, editedAt: true },
      });
      const states = new Map<bigint, Map<number, MessageState>>();
      for (const { chatId, number, ...state } of rows) {
        const ofChat = states.get(chatId) ?? new Map<number, MessageState>();
        states.set(chatId, ofChat.set(number, state));
      }
      return states;
    },

    /** Returns the numbers in a range that belong to dead letters. */
    async deadLettered(
      { chatId, from, to }: MessageRange,
      { order, limit }: { order: "asc" | "desc"; limit: number },
    ): Promise<number[]> {
      const rows = await prisma.deadLetter.findMany({
        where: { chatId, number: { gte: from, lte: to } },
        orderBy: { number: order },
        take: limit,
        select: { number: true },
      });
      return rows.map(({ number }) => number);
    },

    /**
     * Reads messages with numbers below `before` that are not deleted, newest first: at most `limit` messages and at
     * most `bytes` bytes of contents, but at least one message. An empty result means that there are no more.
     */
    newest: async (
      chatId: bigint,
      { before = maxNumber, limit, bytes }: { before?: number; limit: number; bytes: number },
    ): Promise<Message[]> => {
      for (let to = before - 1; ;) {
        const window = await sizes(chatId, { to, order: "desc", limit });
        const fitting = window.slice(0, countWithin(window, bytes));
        const lowest = fitting.at(-1)?.number;
        if (lowest === undefined) return [];
        const messages = await range(chatId, { from: lowest, to, order: "desc", limit: fitting.length });
        const present = messages.filter(({ deletedAt }) => deletedAt === null);
        if (present.length > 0) return present;
        to = lowest - 1;
      }
    },

    /**
     * Finds, for each chat, the message with the highest number that is not deleted and was created before a time.
     * Leaves out chats without such a message. Reads backwards from the end of the chat, because times have no index.
     */
    async latestBefore(
      bounds: readonly { chatId: bigint; before: Date }[],
    ): Promise<(MessageAddress & { createdAt: Date })[]> {
      if (bounds.length === 0) return [];
      const one = `(SELECT chat_id AS chatId, number, created_at AS createdAt FROM messages
         WHERE chat_id = ? AND created_at < ? AND deleted_at IS NULL ORDER BY number DESC LIMIT 1)`;
      return prisma.$queryRawUnsafe<(MessageAddress & { createdAt: Date })[]>(
        bounds.map(() => one).join(" UNION ALL "),
        ...bounds.flatMap(({ chatId, before }) => [chatId, before]),
      );
    },

    /** Lists chats of an application that have messages, at most `limit`, the one with the latest message first. */
    activeChats: (applicationId: bigint, limit: number): Promise<ActiveChat[]> =>
      prisma.$queryRaw<ActiveChat[]>`
        SELECT id AS chatId, number AS chatNumber, last_message_at AS lastMessageAt
          FROM chats FORCE INDEX (chats_application_id_last_message_at_number_idx)
         WHERE application_id = ${applicationId} AND last_message_at IS NOT NULL
         ORDER BY last_message_at DESC, number DESC LIMIT ${limit}`,

    /** Reads the next messages of the whole table in key order. The first call passes chat 0, number 0. */
    async scan(after: { afterChatId: bigint; afterNumber: number; limit: number }): Promise<MessageWithApplication[]> {
      const { afterChatId, afterNumber, limit } = after;
      const rest = await withApplication(
        "WHERE m.chat_id = ? AND m.number > ? ORDER BY m.number LIMIT ?",
        afterChatId,
        afterNumber,
        limit,
      );
      if (rest.length === limit) return rest;
      // Two queries, because neither MySQL nor MariaDB uses the key for `(chat_id, number) > (?, ?)`.
      const following = await withApplication(
        "WHERE m.chat_id > ? ORDER BY m.chat_id, m.number LIMIT ?",
        afterChatId,
        limit - rest.length,
      );
      return [...rest, ...following];
    },

    /** Reads all stored messages in the ranges, in key order. Ranges may overlap. Missing messages are left out. */
    async inRanges(ranges: readonly MessageRange[]): Promise<MessageWithApplication[]> {
      if (ranges.length === 0) return [];
      const windows = ranges.map(() => "(m.chat_id = ? AND m.number BETWEEN ? AND ?)").join(" OR ");
      return withApplication(
        `WHERE ${windows} ORDER BY m.chat_id, m.number`,
        ...ranges.flatMap(({ chatId, from, to }) => [chatId, from, to]),
      );
    },
  };
}

/** Returns a row of `messages`, which may have additional columns, with its sender and metadata decoded. */
export function toMessage<Row extends Pick<MessageRow, "metadata" | "sender">>(row: Row) {
  return { ...withMetadata(row), sender: row.sender === null ? null : identifierText(row.sender) };
}

/** Returns how many contents, counted from the first, have at most `maximum` bytes in total, but at least one. */
function countWithin(sizes: readonly MessageSize[], maximum: number): number {
  let total = 0;
  const beyond = sizes.findIndex(({ bytes }) => (total += bytes) > maximum);
  return beyond === -1 ? sizes.length : Math.max(1, beyond);
}
