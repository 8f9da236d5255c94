import type { Database } from "./client.ts";
import type { MessageRange } from "./messages.ts";

const TIMEOUT_MS = 60_000;

/** Messages, the bytes of their bodies, and when they were stored or last changed. */
export interface StoredRange extends MessageRange {
  readonly bytes: number;
  readonly storedAt: Date;
}

export type Outbox = ReturnType<typeof createOutbox>;

/** What must still reach the search index, oldest first. */
export function createOutbox({ prisma }: Database) {
  return {
    /**
     * Hands up to `limit` ranges to `handle` and removes them once it has resolved within 60 s; when it throws they
     * stay. Parallel drainers get different ranges, and nobody who writes waits. Returns how many were handled.
     */
    drain: (limit: number, handle: (ranges: StoredRange[]) => Promise<void>): Promise<number> =>
      prisma.$transaction(
        async (tx) => {
          const rows = await tx.$queryRaw<(StoredRange & { id: bigint })[]>`
            SELECT id, chat_id AS chatId, from_number AS \`from\`, to_number AS \`to\`, bytes, created_at AS storedAt
              FROM search_outbox ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED`;
          if (rows.length === 0) return 0;
          await handle(rows.map(({ chatId, from, to, bytes, storedAt }) => ({ chatId, from, to, bytes, storedAt })));
          // One look-up a key: an IN list on a small table becomes a scan, which waits for the rows of other drainers.
          const ids = JSON.stringify(rows.map((row) => row.id.toString()));
          await tx.$executeRaw`
            DELETE o FROM JSON_TABLE(${ids}, '$[*]' COLUMNS (id BIGINT PATH '$')) AS k
              STRAIGHT_JOIN search_outbox AS o ON o.id = k.id`;
          return rows.length;
        },
        { timeout: TIMEOUT_MS },
      ),

    /** How many ranges wait, those being handled included. */
    depth: (): Promise<number> => prisma.searchRange.count(),

    /** How long the oldest range has waited, in milliseconds; 0 when none does. */
    async oldestAgeMs(): Promise<number> {
      const oldest = await prisma.searchRange.findFirst({ orderBy: { id: "asc" }, select: { createdAt: true } });
      return oldest ? Math.max(0, Date.now() - oldest.createdAt.getTime()) : 0;
    },
  };
}
