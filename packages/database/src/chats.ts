import { isToken } from "./applications.ts";
import { createTogether } from "./chat-creation.ts";
import { createGroups } from "./group-commit.ts";
import { inTime } from "./attempt.ts";
import { transaction } from "./transaction.ts";
import type { NewChat } from "./chat-creation.ts";
import type { Database } from "./client.ts";
import type { Chat } from "./generated/client.ts";

/** Where a chat is kept, and the highest number in it that is stored or dead-lettered (0 in an empty chat). */
export interface ChatLocation {
  readonly id: bigint;
  readonly applicationId: bigint;
  readonly lastNumber: number;
}

const LARGEST_GROUP = 200;

export type Chats = ReturnType<typeof createChats>;

/**
 * The chats of applications: created with gapless numbers, found, listed, renamed and located. What is not written
 * within `patienceMs` is given up: `WriteNotDone`, or `WriteOutcomeUnknown` where its commit was sent.
 */
export function createChats(database: Database, { patienceMs }: { patienceMs?: number } = {}) {
  const { prisma } = database;
  const create = createGroups<NewChat, (Chat & { replayed: boolean }) | undefined>(
    (token, requests, guardOf) => createTogether(database, token, requests, guardOf),
    { largest: LARGEST_GROUP, patienceMs },
  );

  async function find(token: string, number: number): Promise<Chat | undefined> {
    if (!isToken(token)) return undefined;
    return (await prisma.chat.findFirst({ where: { number, application: { token } } })) ?? undefined;
  }

  return {
    /**
     * Undefined when the application is unknown. Concurrent creations of one application share a transaction.
     * Idempotency keys work as for applications, within the application.
     */
    create: async ({ token, ...request }: NewChat & { token: string }) =>
      isToken(token) ? create(token, request) : undefined,

    find,

    /** Ascending by number; undefined when the application is unknown. `next` is the number to go on after. */
    async list(token: string, { after = 0, limit }: { after?: number | undefined; limit: number }) {
      const owner = isToken(token)
        ? await prisma.application.findUnique({ where: { token }, select: { id: true } })
        : null;
      if (!owner) return undefined;
      // Left to itself, MySQL reads and sorts the whole table where one application owns most of it.
      const rows = await prisma.$queryRaw<Chat[]>`
        SELECT id, application_id AS applicationId, number, name, messages_count AS messagesCount,
               created_at AS createdAt, updated_at AS updatedAt
          FROM chats FORCE INDEX (chats_application_id_number_key)
         WHERE application_id = ${owner.id} AND number > ${after} ORDER BY number LIMIT ${limit + 1}`;
      const items = rows.slice(0, limit);
      return { items, next: rows.length > limit ? items.at(-1)?.number : undefined };
    },

    rename: (token: string, number: number, name: string | null): Promise<Chat | undefined> =>
      inTime(patienceMs, async (guard) => {
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

    /** The next chats by id with their counts; start after 0. For walks through all of them. */
    countsAfter: (id: bigint, limit: number): Promise<{ id: bigint; messagesCount: number }[]> =>
      prisma.chat.findMany({
        where: { id: { gt: id } },
        orderBy: { id: "asc" },
        take: limit,
        select: { id: true, messagesCount: true },
      }),

    /** How the outside names chats, by their ids; those that are gone are left out. */
    async named(ids: readonly bigint[]): Promise<Map<bigint, { token: string; number: number }>> {
      const rows = await prisma.chat.findMany({
        where: { id: { in: [...ids] } },
        select: { id: true, number: true, application: { select: { token: true } } },
      });
      return new Map(rows.map(({ id, number, application: { token } }) => [id, { token, number }]));
    },

    /** For numbering: both maxima are read from the end of an index, whatever the length of the chat. */
    async locate(token: string, number: number): Promise<ChatLocation | undefined> {
      if (!isToken(token)) return undefined;
      const [row] = await prisma.$queryRaw<
        { id: bigint; applicationId: bigint; highest: number | null; deadLettered: number | null }[]
      >`
        SELECT c.id, c.application_id AS applicationId,
               (SELECT m.number FROM messages m WHERE m.chat_id = c.id ORDER BY m.number DESC LIMIT 1) AS highest,
               (SELECT d.number FROM dead_letters d WHERE d.chat_id = c.id ORDER BY d.number DESC LIMIT 1) AS deadLettered
          FROM applications a JOIN chats c ON c.application_id = a.id AND c.number = ${number}
         WHERE a.token = ${token}`;
      if (!row) return undefined;
      const { id, applicationId, highest, deadLettered } = row;
      return { id, applicationId, lastNumber: Math.max(highest ?? 0, deadLettered ?? 0) };
    },
  };
}
