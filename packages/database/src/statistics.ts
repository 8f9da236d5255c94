import type { Database } from "./client.ts";

/** What is counted up to: nobody needs to know it more exactly, and a scrape must not read a million rows. */
const MOST = 100_000;

export interface DatabaseFacts {
  /** Ranges of messages that are not yet in the index, up to 100,000. */
  readonly outbox: number;
  /** When the oldest of them was put there. */
  readonly oldest: Date | undefined;
  /** Dead letters, up to 100,000. */
  readonly deadLetters: number;
  /** The server's sessions, of everybody, and how many it allows. */
  readonly connections: number;
  readonly maxConnections: number;
}

/** What an operator watches in the database. */
export async function readStatistics({ prisma }: Database): Promise<DatabaseFacts> {
  const [[counts], status, variables] = await Promise.all([
    prisma.$queryRaw<{ outbox: bigint; oldest: Date | null; deadLetters: bigint }[]>`
      SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM search_outbox LIMIT ${MOST}) AS waiting) AS outbox,
             (SELECT created_at FROM search_outbox ORDER BY id LIMIT 1) AS oldest,
             (SELECT COUNT(*) FROM (SELECT 1 FROM dead_letters LIMIT ${MOST}) AS deadLettered) AS deadLetters`,
    prisma.$queryRaw<{ Value: string }[]>`SHOW GLOBAL STATUS LIKE 'Threads_connected'`,
    prisma.$queryRaw<{ Value: string }[]>`SHOW GLOBAL VARIABLES LIKE 'max_connections'`,
  ]);
  return {
    outbox: Number(counts?.outbox ?? 0),
    oldest: counts?.oldest ?? undefined,
    deadLetters: Number(counts?.deadLetters ?? 0),
    connections: Number(status[0]?.Value ?? 0),
    maxConnections: Number(variables[0]?.Value ?? 0),
  };
}
