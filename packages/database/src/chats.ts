import { isToken } from "./applications.ts";
import { createTogether } from "./chat-creation.ts";
import { createGroups } from "./group-commit.ts";
import { inTime } from "./attempt.ts";
import { transaction } from "./transaction.ts";
import type { NewChat } from "./chat-creation.ts";
import type { Database } from "./client.ts";
import type { Chat } from "./generated/client.ts";

/** The ids of a chat, and its highest number that is stored or dead-lettered (0 in an empty chat). */
export interface ChatLocation {
  readonly id: bigint;
  readonly lastNumber: number;
}

const LARGEST_GROUP = 200;

export type Chats = ReturnType<typeof createChats>;

/**
 * Creates chats with gapless numbers, and finds, lists, renames and locates them. A write that is not done within
 * `timeoutMs` fails with `WriteNotDone`, or with `WriteOutcomeUnknown` if its commit was already sent.
 */
export function createChats(database: Database, { timeoutMs }: { timeoutMs?: number } = {}) {
  const { prisma } = database;
  const create = createGroups<NewChat, (Chat & { replayed: boolean }) | undefined>(
    (token, requests, guardOf) => createTogether(database, token, requests, guardOf),
    { largest: LARGEST_GROUP, timeoutMs },
  );

  async function find(token: string, number: number): Promise<Chat | undefined> {
    if (!isToken(token)) return undefined;
    return (await prisma.chat.findFirst({ where: { number, application: { token } } })) ?? undefined;
  }

  return {
    /**
     * Returns undefined if the application is unknown. Concurrent creations in one application share a transaction.
     * Idempotency keys work as for applications, but per application.
     */
    create: async ({ token, ...request }: NewChat & { token: string }) =>
      isToken(token) ? create(token, request) : undefined,

    find,

    /**
     * A page in ascending order: right after number `after`, right before number `before`, or from the first chat. `more`
     * says whether there are further chats in that direction, `last` is the application's highest number. Undefined if the
     * application is unknown.
     */
    async list(
      token: string,
      { after = 0, before, limit }: { after?: number | undefined; before?: number | undefined; limit: number },
    ): Promise<{ items: Chat[]; more: boolean; last: number } | undefined> {
      const owner = isToken(token)
        ? await prisma.application.findUnique({ where: { token }, select: { id: true, lastChatNumber: true } })
        : null;
      if (!owner) return undefined;
      const [comparison, bound, order] = before === undefined ? [">", after, "ASC"] : ["<", before, "DESC"];
      // Without the hint, MySQL reads and sorts the whole table if one application owns most of it.
      const rows = await prisma.$queryRawUnsafe<Chat[]>(
        `SELECT id, application_id AS applicationId, number, name, messages_count AS messagesCount,
                created_at AS createdAt, updated_at AS updatedAt
           FROM chats FORCE INDEX (chats_application_id_number_key)
          WHERE application_id = ? AND number ${comparison} ? ORDER BY number ${order} LIMIT ?`,
        owner.id,
        bound,
        limit + 1,
      );
      const items = rows.slice(0, limit);
      return {
        items: before === undefined ? items : items.toReversed(),
        more: rows.length > limit,
        last: owner.lastChatNumber,
      };
    },

    rename: (token: string, number: number, name: string | null): Promise<Chat | undefined> =>
      inTime(timeoutMs, async (guard) => {
        const chat = await find(token, number);
        if (!chat) return undefined;
        const { id } = chat;
        return transaction(
          database,
          async (tx) => {
            await tx.$executeRaw`UPDATE chats SET name = ${name}, updated_at = ${new Date()} WHERE id = ${id}`;
            return (await tx.chat.findUnique({ where: { id } })) ?? undefined;
          },
          { guard },
        );
      }),

    /** The next chats by id with their counts, to iterate over all chats. Start after 0. */
    countsAfter: (id: bigint, limit: number): Promise<{ id: bigint; messagesCount: number }[]> =>
      prisma.chat.findMany({
        where: { id: { gt: id } },
        orderBy: { id: "asc" },
        take: limit,
        select: { id: true, messagesCount: true },
      }),

    /** The token and number of each chat, by chat id. Deleted chats are left out. */
    async named(ids: readonly bigint[]): Promise<Map<bigint, { token: string; number: number }>> {
      const rows = await prisma.chat.findMany({
        where: { id: { in: [...ids] } },
        select: { id: true, number: true, application: { select: { token: true } } },
      });
      return new Map(rows.map(({ id, number, application: { token } }) => [id, { token, number }]));
    },

    /**
     * Finds a chat for numbering. Both maxima are read from the end of an index, regardless of the length of the chat.
     */
    async locate(token: string, number: number): Promise<ChatLocation | undefined> {
      if (!isToken(token)) return undefined;
      const [row] = await prisma.$queryRaw<{ id: bigint; highest: number | null; deadLettered: number | null }[]>`
        SELECT c.id,
               (SELECT m.number FROM messages m WHERE m.chat_id = c.id ORDER BY m.number DESC LIMIT 1) AS highest,
               (SELECT d.number FROM dead_letters d WHERE d.chat_id = c.id ORDER BY d.number DESC LIMIT 1) AS deadLettered
          FROM applications a JOIN chats c ON c.application_id = a.id AND c.number = ${number}
         WHERE a.token = ${token}`;
      if (!row) return undefined;
      const { id, highest, deadLettered } = row;
      return { id, lastNumber: Math.max(highest ?? 0, deadLettered ?? 0) };
    },
  };
}
