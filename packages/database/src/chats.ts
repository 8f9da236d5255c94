import { maxChatMetadataBytes, maxPageBytes, type ChatReference } from "@confab/contracts";
import { findOwner, isToken } from "./applications.ts";
import { confabItself, recordAct, type Actor } from "./audit-log.ts";
import { createTogether, type Chat, type NewChat } from "./chat-creation.ts";
import { createGroups } from "./group-commit.ts";
import { inTime } from "./attempt.ts";
import { transaction } from "./transaction.ts";
import { activeAfter, firstOf, idleAfter, type ChatActivity } from "./chat-activity.ts";
import { withMetadata } from "./metadata-text.ts";
import { readPage } from "./page.ts";
import type { Database } from "./client.ts";
import type { Chat as ChatRow } from "./generated/client.ts";
import type { MessageCount } from "./messages.ts";

/**
 * A chat's id, its highest number that is stored, dead-lettered or dropped (0 in an empty chat), and its application's
 * epoch.
 */
export interface StoredHead {
  readonly id: bigint;
  readonly lastNumber: number;
  /** The current epoch of the chat's application. */
  readonly epoch: number;
}

/**
 * The highest message number that was stored in a chat, its last change number, and the ordinal of its latest
 * numbering.
 */
export interface LastNumbers {
  readonly lastMessageNumber: number;
  readonly lastChangeNumber: number;
  readonly lastNumbering: number;
}

/**
 * The number of messages in a chat that are stored and not deleted, the sum of their numbers, and the chat's last
 * change number.
 */
export interface ChatCount extends MessageCount {
  readonly id: bigint;
  readonly lastChangeNumber: number;
}

/** A chat's id, together with the token and number by which clients name it. */
export interface StoredChat extends ChatReference {
  readonly id: bigint;
}

const largestGroup = 200;

const selectChats = `
  SELECT id, application_id AS applicationId, number, name, metadata, messages_count AS messagesCount, numbers_sum AS numbersSum,
         last_message_number AS lastMessageNumber, last_message_at AS lastMessageAt, last_change_number AS lastChangeNumber,
         last_numbering AS lastNumbering, retention_days AS retentionDays, retained_from AS retainedFrom, retained_from_at AS retainedFromAt,
         created_at AS createdAt, updated_at AS updatedAt
    FROM chats AS c`;
/** Counts only the bytes of the metadata, because no other part of a chat can be large. */
const selectSizes = "SELECT COALESCE(LENGTH(metadata), 0) AS bytes FROM chats AS c";
const alwaysFit = Math.floor(maxPageBytes / maxChatMetadataBytes);

export type Chats = ReturnType<typeof createChats>;

/**
 * Creates chats with gapless numbers, and finds, lists, changes and locates them. A write that is not done within
 * `timeoutMs` fails with `WriteNotDone`, or with `WriteOutcomeUnknown` if its commit was already sent.
 */
export function createChats(database: Database, { timeoutMs }: { timeoutMs?: number } = {}) {
  const { prisma, query } = database;
  const create = createGroups<NewChat, (Chat & { replayed: boolean }) | undefined>(
    (token, requests, guardOf) => createTogether(database, token, requests, guardOf),
    { largest: largestGroup, timeoutMs },
  );

  async function find(token: string, number: number): Promise<Chat | undefined> {
    if (!isToken(token)) return undefined;
    const row = await prisma.chat.findFirst({ where: { number, application: { token } } });
    return row === null ? undefined : withMetadata(row);
  }

  return {
    /**
     * Creates a chat. Returns undefined if the application is unknown. Concurrent creations in one application share a
     * transaction. Idempotency keys work like those of applications, but each application has its own.
     */
    create: async ({ token, ...request }: NewChat & { token: string }) =>
      isToken(token) ? create(token, request) : undefined,

    find,

    /**
     * Lists a page of chats in ascending order, with at most 1 MiB of metadata: right after number `after`, right
     * before number `before`, or from the first chat. `more` says whether there are further chats in that direction;
     * `last` is the application's highest number. Returns undefined if the application is unknown.
     */
    async list(
      token: string,
      { after = 0, before, limit }: { after?: number | undefined; before?: number | undefined; limit: number },
    ): Promise<{ items: Chat[]; more: boolean; last: number } | undefined> {
      const owner = await findOwner(database, token);
      if (!owner) return undefined;
      const [comparison, bound, order] = before === undefined ? [">", after, "ASC"] : ["<", before, "DESC"];
      const read = <Row>(select: string, most: number): Promise<Row[]> =>
        // Without the hint, MySQL reads and sorts the whole table if one application owns most of it.
        prisma.$queryRawUnsafe<Row[]>(
          `${select} FORCE INDEX (chats_application_id_number_key)
            WHERE application_id = ? AND number ${comparison} ? ORDER BY number ${order} LIMIT ?`,
          owner.id,
          bound,
          most,
        );
      const { items: rows, more } = await readChats(limit, read);
      const items = rows.map(withMetadata);
      return { items: before === undefined ? items : items.toReversed(), more, last: owner.lastChatNumber };
    },

    /**
     * Lists a page of chats by their latest messages, newest first, and by descending number within one millisecond.
     * Chats without messages come last. `next` is the position after which the next page begins, or undefined on the
     * last page. Returns undefined if the application is unknown.
     */
    async listByActivity(
      token: string,
      { after, limit }: { after?: ChatActivity | undefined; limit: number },
    ): Promise<{ items: Chat[]; next: ChatActivity | undefined } | undefined> {
      const owner = await findOwner(database, token);
      if (!owner) return undefined;
      const ranges = [...activeAfter(after), idleAfter(after)];
      const read = <Row>(select: string, most: number): Promise<Row[]> =>
        firstOf(ranges, most, ([sql, ...values], rest) =>
          prisma.$queryRawUnsafe<Row[]>(
            `${select} FORCE INDEX (chats_application_id_last_message_at_number_idx)
              WHERE application_id = ? ${sql} LIMIT ?`,
            owner.id,
            ...values,
            rest,
          ),
        );
      const { items: rows, more } = await readChats(limit, read);
      const items = rows.map(withMetadata);
      const last = items.at(-1);
      return { items, next: more && last ? { at: last.lastMessageAt, number: last.number } : undefined };
    },

    /**
     * Changes the given fields; null removes a value. If a limit is given, the audit log gets an entry. Returns
     * undefined if the chat is unknown.
     */
    change: (
      token: string,
      number: number,
      { name, metadata, retentionDays }: Omit<NewChat, "idempotency">,
      by: Actor = confabItself,
    ): Promise<Chat | undefined> =>
      inTime(timeoutMs, async (guard) => {
        const chat = await find(token, number);
        if (!chat) return undefined;
        const data = {
          ...(name !== undefined && { name }),
          ...(metadata !== undefined && { metadata: metadata?.text ?? null }),
          ...(retentionDays !== undefined && { retentionDays }),
          updatedAt: new Date(),
        };
        return transaction(
          database,
          async (tx) => {
            const { count } = await tx.chat.updateMany({ where: { id: chat.id }, data });
            if (count > 0 && retentionDays !== undefined) await recordAct(tx, { act: "retention-changed", by, token });
            const row = await tx.chat.findUnique({ where: { id: chat.id } });
            return row === null ? undefined : withMetadata(row);
          },
          { guard },
        );
      }),

    /**
     * Returns the next chats by id, with the counts of their messages, the sums of the messages' numbers, and the last
     * change numbers. Callers iterate over all chats, starting after 0.
     */
    async countsAfter(id: bigint, limit: number): Promise<ChatCount[]> {
      const rows = await prisma.chat.findMany({
        where: { id: { gt: id } },
        orderBy: { id: "asc" },
        take: limit,
        select: { id: true, messagesCount: true, numbersSum: true, lastChangeNumber: true },
      });
      return rows.map(({ id, messagesCount: count, numbersSum, lastChangeNumber }) => {
        return { id, count, sum: Number(numbersSum), lastChangeNumber };
      });
    },

    /** Finds chats of an application by their numbers. Leaves out numbers without a chat. */
    numbered: (
      applicationId: bigint,
      numbers: readonly number[],
    ): Promise<{ id: bigint; number: number; lastMessageAt: Date | null }[]> =>
      prisma.chat.findMany({
        where: { applicationId, number: { in: [...numbers] } },
        select: { id: true, number: true, lastMessageAt: true },
      }),

    /** Reads chats of any applications by token and number, in one query. Leaves out chats that do not exist. */
    async withNames(names: readonly ChatReference[]): Promise<(StoredChat & LastNumbers)[]> {
      const byToken = Map.groupBy(
        names.filter(({ token }) => isToken(token)),
        ({ token }) => token,
      );
      if (byToken.size === 0) return [];
      const selects = [...byToken.values()].map(
        (of) => `
          SELECT c.id, a.token, c.number, c.last_message_number AS lastMessageNumber, c.last_change_number AS lastChangeNumber,
                 c.last_numbering AS lastNumbering
            FROM applications a JOIN chats c ON c.application_id = a.id
           WHERE a.token = ? AND c.number IN (${of.map(() => "?").join(", ")})`,
      );
      const values = [...byToken].flatMap(([token, of]) => [token, ...of.map(({ number }) => number)]);
      return prisma.$queryRawUnsafe<(StoredChat & LastNumbers)[]>(selects.join(" UNION ALL "), ...values);
    },

    /** Reads the last numbers of chats by chat id. Deleted chats are left out. */
    async lastNumbers(ids: readonly bigint[]): Promise<Map<bigint, LastNumbers>> {
      const rows = await prisma.chat.findMany({
        where: { id: { in: [...ids] } },
        select: { id: true, lastMessageNumber: true, lastChangeNumber: true, lastNumbering: true },
      });
      return new Map(rows.map(({ id, ...position }) => [id, position]));
    },

    /** Returns the token and number of each chat, by chat id. Deleted chats are left out. */
    async named(ids: readonly bigint[]): Promise<Map<bigint, { token: string; number: number }>> {
      const rows = await prisma.chat.findMany({
        where: { id: { in: [...ids] } },
        select: { id: true, number: true, application: { select: { token: true } } },
      });
      return new Map(rows.map(({ id, number, application: { token } }) => [id, { token, number }]));
    },

    /**
     * Finds the id and the highest number of a chat, and the epoch of its application. Returns undefined if the chat
     * does not exist. It reads the maxima from the ends of indexes, so the length of the chat does not matter.
     */
    async locate(token: string, number: number): Promise<StoredHead | undefined> {
      if (!isToken(token)) return undefined;
      const [row] = await query<
        ({ id: bigint; epoch: number } & Record<"highest" | "deadLettered" | "dropped", number | null>)[]
      >(
        `SELECT c.id, a.epoch,
                (SELECT m.number FROM messages m WHERE m.chat_id = c.id ORDER BY m.number DESC LIMIT 1) AS highest,
                (SELECT d.number FROM dead_letters d WHERE d.chat_id = c.id ORDER BY d.number DESC LIMIT 1) AS deadLettered,
                (SELECT n.number FROM deleted_numbers n WHERE n.chat_id = c.id ORDER BY n.number DESC LIMIT 1) AS dropped
           FROM applications a JOIN chats c ON c.application_id = a.id AND c.number = ?
          WHERE a.token = ?`,
        number,
        token,
      );
      if (!row) return undefined;
      const { id, epoch, highest, deadLettered, dropped } = row;
      return { id, lastNumber: Math.max(highest ?? 0, deadLettered ?? 0, dropped ?? 0), epoch };
    },
  };
}

function readChats(limit: number, read: <Row>(select: string, most: number) => Promise<Row[]>) {
  return readPage({
    limit,
    alwaysFit: alwaysFit,
    sizes: (most) => read<{ bytes: bigint | number }>(selectSizes, most),
    rows: (most) => read<ChatRow>(selectChats, most),
  });
}
