import { requireBackend } from "./search-backend.ts";
import { list, tuples } from "./transaction.ts";
import type { Database, Queryable } from "./client.ts";
import type { MessageRange } from "./messages.ts";

const TIMEOUT_MS = 60_000;
/** Well below the time after which the server ends a session that says nothing. */
const SIGN_OF_LIFE_MS = 3_000;
/** How many waiting ranges are looked at to choose from. */
const LOOK_AHEAD = 2_000;
/** Of what is handed out at once, where a single range is not larger: few seconds' work for the index. */
const MOST_BYTES = 4 * 1024 * 1024;

/** Messages, the bytes of their bodies, and when they were stored or last changed. */
export interface StoredRange extends MessageRange {
  readonly bytes: number;
  readonly storedAt: Date;
}

interface WaitingRange {
  readonly id: bigint;
  readonly bytes: number;
  readonly applicationId: bigint | null;
}

type LockedRange = StoredRange & { readonly id: bigint };

export type Outbox = ReturnType<typeof createOutbox>;

/** Ranges of messages that are not yet in the search index. */
export function createOutbox({ prisma }: Database, { backend }: { backend?: string } = {}) {
  return {
    /**
     * Throws `SearchBackendMismatch` if the database's messages are indexed for another backend. Else hands up to `limit` ranges, or 4 MiB, to `handle` and removes them once it has resolved within 60 s; when it throws
     * they stay. Applications take turns, each with its oldest range first, so that nobody waits for another's backlog.
     * Parallel drainers get different ranges, and nobody who writes waits. Returns how many were handled.
     */
    drain: (limit: number, handle: (ranges: StoredRange[]) => Promise<void>): Promise<number> =>
      prisma.$transaction(
        async (tx) => {
          if (backend !== undefined) await requireBackend(tx, backend);
          const rows = await lockFairly(tx, limit);
          if (rows.length === 0) return 0;
          const ranges = rows.map(({ chatId, from, to, bytes, storedAt }) => ({ chatId, from, to, bytes, storedAt }));
          await keepingAlive(tx, () => handle(ranges));
          // One look-up per key: an IN list on a small table becomes a scan, which waits for the rows of other drainers.
          const ids = JSON.stringify(rows.map((row) => row.id.toString()));
          await tx.$executeRaw`
            DELETE o FROM JSON_TABLE(${ids}, '$[*]' COLUMNS (id BIGINT PATH '$')) AS k
              STRAIGHT_JOIN search_outbox AS o ON o.id = k.id`;
          return rows.length;
        },
        { timeout: TIMEOUT_MS },
      ),

    /** Adds ranges that were found missing from the index. */
    async add(ranges: readonly Omit<StoredRange, "storedAt">[]): Promise<void> {
      if (ranges.length === 0) return;
      const now = new Date();
      await prisma.$executeRawUnsafe(
        `INSERT INTO search_outbox (chat_id, from_number, to_number, bytes, created_at) VALUES ${tuples(ranges.length, 5)}`,
        ...ranges.flatMap(({ chatId, from, to, bytes }) => [chatId, from, to, bytes, now]),
      );
    },

    /** The chats with ranges that wait; undefined if more than `most` ranges do. */
    async chatsWaiting(most: number): Promise<ReadonlySet<bigint> | undefined> {
      const rows = await prisma.searchOutboxEntry.findMany({ take: most + 1, select: { chatId: true } });
      return rows.length > most ? undefined : new Set(rows.map(({ chatId }) => chatId));
    },

    /** How many ranges wait, those being handled included. */
    depth: (): Promise<number> => prisma.searchOutboxEntry.count(),

    /** How long the oldest range has waited, in milliseconds; 0 when none does. */
    async oldestAgeMs(): Promise<number> {
      const oldest = await prisma.searchOutboxEntry.findFirst({ orderBy: { id: "asc" }, select: { createdAt: true } });
      return oldest ? Math.max(0, Date.now() - oldest.createdAt.getTime()) : 0;
    },
  };
}

/** The index may take longer than the server lets a session be idle, which would undo all and have it done again, for ever. */
async function keepingAlive(tx: Queryable, work: () => Promise<void>): Promise<void> {
  let saying = Promise.resolve<unknown>(undefined);
  const timer = setInterval(() => {
    saying = saying.then(() => tx.$executeRaw`DO 0`).catch(() => undefined);
  }, SIGN_OF_LIFE_MS);
  try {
    await work();
  } finally {
    clearInterval(timer);
    await saying;
  }
}

const RANGE = "id, chat_id AS chatId, from_number AS `from`, to_number AS `to`, bytes, created_at AS storedAt";

async function lockFairly(tx: Queryable, limit: number): Promise<LockedRange[]> {
  const waiting = await tx.$queryRaw<WaitingRange[]>`
    SELECT o.id, o.bytes, c.application_id AS applicationId
      FROM search_outbox o LEFT JOIN chats c ON c.id = o.chat_id ORDER BY o.id LIMIT ${LOOK_AHEAD}`;
  const ids = takeTurns(waiting, limit);
  if (ids.length === 0) return [];
  const rows = await tx.$queryRawUnsafe<LockedRange[]>(
    `SELECT ${RANGE} FROM search_outbox FORCE INDEX (PRIMARY) WHERE id IN (${list(ids)}) ORDER BY id FOR UPDATE SKIP LOCKED`,
    ...ids,
  );
  // Another drainer has them: take whatever nobody has.
  return rows.length > 0
    ? rows
    : tx.$queryRawUnsafe<LockedRange[]>(
        `SELECT ${RANGE} FROM search_outbox ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED`,
        Math.min(limit, ids.length),
      );
}

function takeTurns(waiting: readonly WaitingRange[], limit: number): bigint[] {
  const queues = [...Map.groupBy(waiting, ({ applicationId }) => applicationId).values()];
  const taken: bigint[] = [];
  let bytes = 0;
  for (let turn = 0; taken.length < Math.min(limit, waiting.length); turn++) {
    for (const queue of queues) {
      const range = queue[turn];
      if (!range || taken.length === limit) continue;
      if (taken.length > 0 && bytes + range.bytes > MOST_BYTES) return taken;
      taken.push(range.id);
      bytes += range.bytes;
    }
  }
  return taken;
}
