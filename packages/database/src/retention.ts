import { limitsInForce, overdueChats, type OverdueChat, type RetentionGroup } from "./retention-groups.ts";
import { removeFrom } from "./remove-messages.ts";
import { transaction } from "./transaction.ts";
import type { Database, Queryable } from "./client.ts";

export type Retention = ReturnType<typeof createRetention>;

const dayMs = 86_400_000;
/** Maximum number of messages that one transaction deletes. */
const messagesAtOnce = 500;

/** Returns the time before which messages are over a limit. */
export function cutoff(now: Date, days: number): Date {
  return new Date(now.getTime() - days * dayMs);
}

/**
 * Returns the time by which messages are judged: by the clock of this process or of the database, whichever is behind.
 * One clock that is wrong must not delete what is not over its limit.
 */
export async function retentionTime({ prisma }: Database): Promise<Date> {
  const [row] = await prisma.$queryRaw<{ now: Date }[]>`SELECT NOW(3) AS now`;
  return new Date(Math.min(Date.now(), row?.now.getTime() ?? 0));
}

/** Creates the steps by which a worker deletes messages that are over their limit. Every step can be repeated. */
export function createRetention(database: Database) {
  const { prisma } = database;
  return {
    /** Claims retention for `holdMs`, by the server's clock. Returns false if another worker has it, or a run was recent. */
    claim: async (holdMs: number): Promise<boolean> =>
      (await prisma.$executeRaw`
        UPDATE retention_state SET claimed_until = NOW(3) + INTERVAL ${holdMs * 1000} MICROSECOND
         WHERE id = 1 AND (claimed_until IS NULL OR claimed_until < NOW(3))`) === 1,

    /** Gives the claim back. No worker begins before the pause is over. */
    release: async (pauseMs: number): Promise<void> => {
      await prisma.$executeRaw`
        UPDATE retention_state SET claimed_until = NOW(3) + INTERVAL ${pauseMs * 1000} MICROSECOND WHERE id = 1`;
    },

    /** The time by which this run judges messages. */
    time: (): Promise<Date> => retentionTime(database),

    /**
     * Looks for messages that are over their limit. Returns by how much the oldest of them is, and the groups of chats that have
     * some, the most overdue first, at most `limit`.
     */
    async look(now: Date, limit: number): Promise<{ behindMs: number; groups: RetentionGroup[] }> {
      let overdue: { group: RetentionGroup; behindMs: number }[] = [];
      const cut = (): void => {
        overdue = overdue.sort((a, b) => b.behindMs - a.behindMs).slice(0, limit);
      };
      for await (const group of limitsInForce(database)) {
        const before = cutoff(now, group.days);
        const [oldest] = await overdueChats(database, group, { before, limit: 1 });
        if (oldest) overdue.push({ group, behindMs: before.getTime() - oldest.retainedFromAt.getTime() });
        if (overdue.length > 2 * limit) cut();
      }
      cut();
      return { behindMs: overdue[0]?.behindMs ?? 0, groups: overdue.map(({ group }) => group) };
    },

    /** Saves what a look found, for the metrics, and keeps the claim. */
    save: async (behindMs: number, holdMs: number): Promise<void> => {
      await prisma.$executeRaw`
        UPDATE retention_state SET behind_seconds = ${Math.floor(behindMs / 1000)}, checked_at = NOW(3),
                                   claimed_until = NOW(3) + INTERVAL ${holdMs * 1000} MICROSECOND WHERE id = 1`;
    },

    /** The next chats of a group that have messages over the limit. */
    chats: (
      group: RetentionGroup,
      now: Date,
      page: { after?: OverdueChat | undefined; limit: number },
    ): Promise<OverdueChat[]> => overdueChats(database, group, { before: cutoff(now, group.days), ...page }),

    /**
     * Deletes the next messages of a chat that are over its limit, at most 500. Returns how many it deleted, and whether there
     * are more.
     */
    expire: (chatId: bigint, now: Date): Promise<{ deleted: number; more: boolean }> =>
      transaction(database, (tx) => expire(tx, chatId, now)),
  };
}

/** The lock on the chat makes the number exact: a transaction that stores a message below it waits, and then moves it back. */
async function expire(tx: Queryable, chatId: bigint, now: Date): Promise<{ deleted: number; more: boolean }> {
  const nothing = { deleted: 0, more: false };
  const [chat] = await tx.$queryRaw<LockedChat[]>`
    SELECT id, application_id AS applicationId, retention_days AS ownDays, retained_from AS retainedFrom
      FROM chats WHERE id = ${chatId} FOR UPDATE`;
  if (!chat) return nothing;
  // Read again, because it may have been changed since the look.
  const days = chat.ownDays ?? (await limitOf(tx, chat.applicationId));
  if (days === 0) return nothing;
  const before = cutoff(now, days);
  const rows = await tx.$queryRaw<{ number: number; createdAt: Date }[]>`
    SELECT number, created_at AS createdAt FROM messages
     WHERE chat_id = ${chatId} AND number >= ${chat.retainedFrom} ORDER BY number LIMIT ${messagesAtOnce + 1}`;
  const young = rows.findIndex(({ createdAt }) => createdAt >= before);
  const due = rows.slice(0, young === -1 ? messagesAtOnce : Math.min(young, messagesAtOnce));
  const numbers = due.map(({ number }) => number);
  const deleted = numbers.length === 0 ? 0 : await removeFrom(tx, chat.id, numbers, { forgetSender: true });
  const next = rows[due.length];
  const from = next?.number ?? (numbers.at(-1) ?? chat.retainedFrom - 1) + 1;
  await tx.$executeRaw`
    UPDATE chats SET retained_from = ${from}, retained_from_at = ${next?.createdAt ?? null} WHERE id = ${chatId}`;
  return { deleted, more: next !== undefined && next.createdAt < before };
}

interface LockedChat {
  readonly id: bigint;
  readonly applicationId: bigint;
  readonly ownDays: number | null;
  readonly retainedFrom: number;
}

/** Returns the limit of an application; 0 if it has none. */
async function limitOf(tx: Queryable, id: bigint): Promise<number> {
  const application = await tx.application.findUnique({ where: { id }, select: { retentionDays: true } });
  return application?.retentionDays ?? 0;
}
