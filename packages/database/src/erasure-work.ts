import { clearDamagedLetters } from "./damaged-letters.ts";
import { takeChatsOf, toErasure, type Erasure } from "./erasures.ts";
import { createSenderWork } from "./sender-erasure.ts";
import { placeholders } from "./transaction.ts";
import type { Database } from "./client.ts";
import type { ErasedChat } from "./generated/client.ts";

export type { ErasedChat };

/** An erasure that this worker carries out. */
export type ClaimedErasure = Erasure & {
  /** For a sender: how long ago, by MySQL's clock, all chats were done for the first time. */
  readonly clearedMs: number | undefined;
};

export type ErasureWork = ReturnType<typeof createErasureWork>;

interface WaitingErasure {
  readonly id: bigint;
  readonly token: string;
  readonly ofSender: bigint | number;
  readonly claimedUntil: Date | null;
}

/** The oldest open erasures are looked at, which are far fewer unless somebody deletes chats by the thousand. */
const maxWaiting = 20_000;

/** The tables whose rows an erasure deletes chat by chat. The first one is the largest. */
export const tablesOfChats = [
  "messages",
  "message_versions",
  "removed_histories",
  "message_changes",
  "deleted_numbers",
  "deleted_blocks",
  "chat_numberings",
  "reads",
  "dead_letters",
] as const;

/**
 * Creates the steps by which a worker carries out erasures. Every step can be repeated, and two workers in the same
 * step do no harm.
 */
export function createErasureWork(database: Database) {
  const { prisma } = database;
  return {
    /** Reads open erasures whose marks may not be set in Redis. */
    async unmarked(limit: number): Promise<Erasure[]> {
      const rows = await prisma.erasure.findMany({
        where: { finishedAt: null, markedAt: null },
        orderBy: { id: "asc" },
        take: limit,
      });
      return rows.map(toErasure);
    },

    /** Notes that the mark of an erasure is set, unless a later request has extended it since. */
    noteMarked: async ({ id, epoch }: Erasure): Promise<void> => {
      await prisma.erasure.updateMany({ where: { id, epoch }, data: { markedAt: new Date() } });
    },

    /**
     * Reads open erasures with their marks set that no worker holds: of each application at most `limit`, those of
     * chats and of the application before those of senders, and then those that waited the longest.
     */
    async waiting(limit: number): Promise<{ id: bigint; token: string }[]> {
      const free = await prisma.$queryRaw<WaitingErasure[]>`
        SELECT id, application_token AS token, sender IS NOT NULL AS ofSender, claimed_until AS claimedUntil FROM erasures
         WHERE finished_at IS NULL AND marked_at IS NOT NULL AND (claimed_until IS NULL OR claimed_until < NOW(3))
         ORDER BY id LIMIT ${maxWaiting}`;
      const sinceOf = ({ claimedUntil }: WaitingErasure): number => claimedUntil?.getTime() ?? 0;
      const inOrder = free.sort((a, b) => Number(a.ofSender) - Number(b.ofSender) || sinceOf(a) - sinceOf(b));
      return [...Map.groupBy(inOrder, ({ token }) => token).values()].flatMap((own) => own.slice(0, limit));
    },

    /** Claims an erasure for `holdMs` by the server's clock; undefined if another worker has claimed or finished it. */
    async claim(id: bigint, holdMs: number): Promise<ClaimedErasure | undefined> {
      const claimed = await prisma.$executeRaw`
        UPDATE erasures SET claimed_until = NOW(3) + INTERVAL ${holdMs * 1000} MICROSECOND
         WHERE id = ${id} AND finished_at IS NULL AND (claimed_until IS NULL OR claimed_until < NOW(3))`;
      if (claimed === 0) return undefined;
      const row = await prisma.erasure.findUniqueOrThrow({ where: { id } });
      const [age] = await prisma.$queryRaw<{ ms: bigint | number | null }[]>`
        SELECT TIMESTAMPDIFF(MICROSECOND, cleared_at, UTC_TIMESTAMP(3)) DIV 1000 AS ms FROM erasures WHERE id = ${id}`;
      const clearedMs = age?.ms ?? undefined;
      return { ...toErasure(row), clearedMs: clearedMs === undefined ? undefined : Number(clearedMs) };
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

    /** Reads the next chats that were cleared at least `ageMs` ago and not looked at since. */
    async chatsToCheck({ id }: Erasure, ageMs: number, limit: number): Promise<ErasedChat[]> {
      const found = await prisma.$queryRaw<{ chatId: bigint }[]>`
        SELECT chat_id AS chatId FROM erased_chats
         WHERE erasure_id = ${id} AND erased_at IS NULL
           AND cleared_at <= UTC_TIMESTAMP(3) - INTERVAL ${ageMs * 1000} MICROSECOND
         ORDER BY cleared_at, chat_id LIMIT ${limit}`;
      return prisma.erasedChat.findMany({ where: { chatId: { in: found.map(({ chatId }) => chatId) } } });
    },

    /** Deletes rows of the chats, at most `limit` of each table, and returns how many it deleted. 0 means that none is left. */
    async deleteRows(chatIds: readonly bigint[], limit: number): Promise<number> {
      let deleted = 0;
      for (const table of tablesOfChats) {
        deleted += await prisma.$executeRawUnsafe(
          `DELETE FROM \`${table}\` WHERE chat_id IN (${placeholders(chatIds)}) LIMIT ${limit}`,
          ...chatIds,
        );
      }
      return deleted;
    },

    /**
     * Deletes dead letters of the erased chats that do not know their chat's id, and the text of damaged ones that may belong to them.
     * Returns how many it changed.
     */
    async deleteLetters({ token, chatNumber }: Erasure): Promise<number> {
      const deleted =
        chatNumber === null
          ? await prisma.$executeRaw`DELETE FROM dead_letters WHERE application_token = ${token} LIMIT 1000`
          : await prisma.$executeRaw`
              DELETE FROM dead_letters WHERE application_token = ${token} AND chat_number = ${chatNumber} LIMIT 1000`;
      return deleted + (await clearDamagedLetters(database));
    },

    /**
     * Returns the lowest id in the search outbox, or undefined if it is empty. A range stays there until it was written
     * to the index.
     */
    async firstOutboxId(): Promise<bigint | undefined> {
      const [first] = await prisma.$queryRaw<{ id: bigint | null }[]>`SELECT MIN(id) AS id FROM search_outbox`;
      return first?.id ?? undefined;
    },

    /** Marks chats as cleared, or as erased, by MySQL's clock, because the next worker has another one. */
    mark: async (chatIds: readonly bigint[], state: "clearedAt" | "erasedAt"): Promise<void> => {
      if (chatIds.length === 0) return;
      const column = state === "clearedAt" ? "cleared_at" : "erased_at";
      await prisma.$executeRawUnsafe(
        `UPDATE erased_chats SET ${column} = UTC_TIMESTAMP(3) WHERE chat_id IN (${placeholders(chatIds)})`,
        ...chatIds,
      );
    },

    /** Reads ids of erased chats after an id, whichever erasure they belong to. */
    async erasedAfter(after: bigint, limit: number): Promise<bigint[]> {
      const chats = await prisma.erasedChat.findMany({
        where: { chatId: { gt: after }, erasedAt: { not: null } },
        orderBy: { chatId: "asc" },
        take: limit,
        select: { chatId: true },
      });
      return chats.map(({ chatId }) => chatId);
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

    ...createSenderWork(database),

    /** Ends the erasure. From now on it has only the digest of its sender (`senderDigest`). */
    finish: async ({ id }: Erasure): Promise<void> => {
      await prisma.$executeRaw`
        UPDATE erasures
           SET sender = UNHEX(SHA2(CONCAT(application_token, ':', sender), 256)), finished_at = ${new Date()}, claimed_until = NULL
         WHERE id = ${id} AND finished_at IS NULL`;
    },
  };
}
