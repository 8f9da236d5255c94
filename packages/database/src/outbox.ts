import { addRanges } from "./outbox-ranges.ts";
import { requireBackend } from "./search-backend.ts";
import { directTransaction, placeholders } from "./transaction.ts";
import type { Database } from "./client.ts";
import type { MessageRange } from "./messages.ts";
import type { Statements } from "./session.ts";

const timeoutMs = 60_000;
/** Well below the time after which the server ends an idle session. */
const keepAliveMs = 3_000;
/** How many waiting ranges are read to choose from. */
const lookAhead = 2_000;
/** Maximum bytes per drain, unless a single range is larger. The index needs a few seconds for this. */
const maxBytes = 4 * 1024 * 1024;

/** A range of messages with the bytes of their bodies and the time at which they were stored or last changed. */
export interface StoredRange extends MessageRange {
  readonly bytes: number;
  readonly storedAt: Date;
}

interface WaitingRange {
  readonly id: bigint;
  readonly bytes: number;
  readonly applicationId: bigint | null;
}

interface LockedRange extends MessageRange {
  readonly id: bigint;
  readonly bytes: number;
  /** Milliseconds since 1970, because the driver would read a time as one of this process's time zone. */
  readonly storedAtMs: bigint;
}

export type Outbox = ReturnType<typeof createOutbox>;

/** Creates ranges of messages that are not yet in the search index. */
export function createOutbox(database: Database, { backend }: { backend?: string } = {}) {
  const { prisma } = database;
  return {
    /**
     * Passes up to `limit` ranges, or 4 MiB, to `handle`, removes them if it resolves within 60 s, and returns how many
     * it handled. If `handle` throws, the ranges stay. Applications take turns, each with its oldest range first, so
     * that none waits for another's backlog. Parallel drainers get different ranges, and writers do not wait. Throws
     * `SearchBackendMismatch` if the database's messages are indexed for a different backend.
     */
    drain: (limit: number, handle: (ranges: StoredRange[]) => Promise<void>): Promise<number> =>
      directTransaction(
        database,
        async (tx) => {
          if (backend !== undefined) await requireBackend(tx, backend);
          const rows = await lockFairly(tx, limit);
          if (rows.length === 0) return 0;
          const ranges = rows.map(({ chatId, from, to, bytes, storedAtMs }) => {
            return { chatId, from, to, bytes, storedAt: new Date(Number(storedAtMs)) };
          });
          await keepingAlive(tx, () => handle(ranges));
          // One lookup per key: on a small table, an IN list becomes a scan that waits for the rows of other drainers.
          const ids = JSON.stringify(rows.map((row) => row.id.toString()));
          await tx.$executeRawUnsafe(
            `DELETE o FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) AS k
               STRAIGHT_JOIN search_outbox AS o ON o.id = k.id`,
            ids,
          );
          return rows.length;
        },
        { timeoutMs: timeoutMs },
      ),

    /** Adds messages (sorted by key) that are missing from the index. Throws `SearchBackendMismatch` as `drain` does. */
    async add(messages: readonly { chatId: bigint; number: number; bytes: number }[]): Promise<void> {
      if (backend !== undefined) await requireBackend(prisma, backend);
      await addRanges(prisma, messages, new Date());
    },

    /** Returns the chats with waiting ranges. Undefined if more than `maximum` ranges are waiting. */
    async chatsWaiting(maximum: number): Promise<ReadonlySet<bigint> | undefined> {
      const rows = await prisma.searchOutboxEntry.findMany({ take: maximum + 1, select: { chatId: true } });
      return rows.length > maximum ? undefined : new Set(rows.map(({ chatId }) => chatId));
    },

    /**
     * Returns whether more messages are stored than wait here to be indexed. Reads all chats: for rare questions only.
     */
    async hasIndexed(): Promise<boolean> {
      const [found] = await prisma.$queryRaw<{ stored: unknown; waiting: unknown }[]>`
        SELECT (SELECT COALESCE(SUM(messages_count), 0) FROM chats) AS stored,
               (SELECT COALESCE(SUM(to_number - from_number + 1), 0) FROM search_outbox) AS waiting`;
      return Number(found?.stored ?? 0) > Number(found?.waiting ?? 0);
    },

    /** How many ranges wait, those being handled included. */
    depth: (): Promise<number> => prisma.searchOutboxEntry.count(),

    /** Returns when the oldest range that contains the message was added, or undefined if no range contains it. */
    async waitingSince(chatId: bigint, number: number): Promise<Date | undefined> {
      const range = await prisma.searchOutboxEntry.findFirst({
        where: { chatId, fromNumber: { lte: number }, toNumber: { gte: number } },
        orderBy: { id: "asc" },
        select: { createdAt: true },
      });
      return range?.createdAt;
    },

    /** Returns how long the oldest range has been waiting, in milliseconds. 0 if none is waiting. */
    async oldestAgeMs(): Promise<number> {
      const oldest = await prisma.searchOutboxEntry.findFirst({ orderBy: { id: "asc" }, select: { createdAt: true } });
      return oldest ? Math.max(0, Date.now() - oldest.createdAt.getTime()) : 0;
    },
  };
}

/**
 * Keeps the session alive. If the index took longer than the server's idle timeout, the transaction would be rolled
 * back and repeated endlessly.
 */
async function keepingAlive(tx: Statements, work: () => Promise<void>): Promise<void> {
  let keepAlive = Promise.resolve<unknown>(undefined);
  const timer = setInterval(() => {
    keepAlive = keepAlive.then(() => tx.$executeRawUnsafe("DO 0")).catch(() => undefined);
  }, keepAliveMs);
  try {
    await work();
  } finally {
    clearInterval(timer);
    await keepAlive;
  }
}

const rangeColumns =
  "id, chat_id AS chatId, from_number AS `from`, to_number AS `to`, bytes, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', created_at) DIV 1000 AS storedAtMs";

async function lockFairly(tx: Statements, limit: number): Promise<LockedRange[]> {
  const waiting = await tx.$queryRawUnsafe<WaitingRange[]>(
    `SELECT o.id, o.bytes, c.application_id AS applicationId
       FROM search_outbox o LEFT JOIN chats c ON c.id = o.chat_id ORDER BY o.id LIMIT ${lookAhead}`,
  );
  const ids = takeTurns(waiting, limit);
  if (ids.length === 0) return [];
  const rows = await tx.$queryRawUnsafe<LockedRange[]>(
    `SELECT ${rangeColumns} FROM search_outbox FORCE INDEX (PRIMARY) WHERE id IN (${placeholders(ids)}) ORDER BY id FOR UPDATE SKIP LOCKED`,
    ...ids,
  );
  // Another drainer has locked them all. Take any unlocked ranges.
  return rows.length > 0
    ? rows
    : tx.$queryRawUnsafe<LockedRange[]>(
        `SELECT ${rangeColumns} FROM search_outbox ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED`,
        Math.min(limit, ids.length),
      );
}

/**
 * Returns the oldest range, and then one range per application and turn: the small ones first, because large ones use
 * up the bytes of a drain.
 */
function takeTurns(waiting: readonly WaitingRange[], limit: number): bigint[] {
  const [oldest, ...others] = waiting;
  if (oldest === undefined) return [];
  const queues = [...Map.groupBy(others, ({ applicationId }) => applicationId).values()];
  const taken = [oldest.id];
  let bytes = oldest.bytes;
  for (let turn = 0; taken.length < Math.min(limit, waiting.length); turn++) {
    const ranges = queues.flatMap((queue) => queue[turn] ?? []).sort((a, b) => a.bytes - b.bytes);
    for (const range of ranges) {
      if (taken.length === limit) return taken;
      if (bytes + range.bytes > maxBytes) return taken;
      taken.push(range.id);
      bytes += range.bytes;
    }
  }
  return taken;
}
