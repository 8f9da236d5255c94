import type { Database } from "./client.ts";

/** The counts stop at this number. No exact number is needed above it, and a scrape must not read a million rows. */
const maxCounted = 100_000;

export interface DatabaseStatistics {
  /** The number of ranges that are not yet in the search index, up to 100,000. */
  readonly outbox: number;
  /** The time at which the oldest of these ranges was added. */
  readonly oldest: Date | undefined;
  /** The time at which the oldest unfinished erasure was requested. */
  readonly oldestErasure: Date | undefined;
  /** The result of the latest run of retention. Undefined if it is unknown. */
  readonly retention: { readonly behindSeconds: number; readonly checkedAt: Date } | undefined;
  /** The number of dead letters, up to 100,000. */
  readonly deadLetters: number;
  /** The number of sessions that all clients have on the server, and the maximum. */
  readonly connections: number;
  readonly maxConnections: number;
}

/** Reads the statistics that an operator watches. */
export async function readStatistics({ prisma }: Database): Promise<DatabaseStatistics> {
  const [[counts], retention, status, variables] = await Promise.all([
    prisma.$queryRaw<{ outbox: bigint; oldest: Date | null; oldestErasure: Date | null; deadLetters: bigint }[]>`
      SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM search_outbox LIMIT ${maxCounted}) AS waiting) AS outbox,
             (SELECT created_at FROM search_outbox ORDER BY id LIMIT 1) AS oldest,
             (SELECT requested_at FROM erasures WHERE finished_at IS NULL ORDER BY id LIMIT 1) AS oldestErasure,
             (SELECT COUNT(*) FROM (SELECT 1 FROM dead_letters LIMIT ${maxCounted}) AS deadLettered) AS deadLetters`,
    prisma.retentionState.findFirst(),
    prisma.$queryRaw<{ Value: string }[]>`SHOW GLOBAL STATUS LIKE 'Threads_connected'`,
    prisma.$queryRaw<{ Value: string }[]>`SHOW GLOBAL VARIABLES LIKE 'max_connections'`,
  ]);
  return {
    outbox: Number(counts?.outbox ?? 0),
    oldest: counts?.oldest ?? undefined,
    oldestErasure: counts?.oldestErasure ?? undefined,
    retention: retention
      ? { behindSeconds: Number(retention.behindSeconds), checkedAt: retention.checkedAt }
      : undefined,
    deadLetters: Number(counts?.deadLetters ?? 0),
    connections: Number(status[0]?.Value ?? 0),
    maxConnections: Number(variables[0]?.Value ?? 0),
  };
}
