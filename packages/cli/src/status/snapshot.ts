import type { QueueDepth } from "@confab/queue";
import type { OpenStores } from "./open-stores.ts";

/** Whether a store answers, and its response time in milliseconds or the reason why it does not answer. */
export type Reach<Statistics = object> =
  | ({ readonly reachable: true; readonly ms: number } & Statistics)
  | { readonly reachable: false; readonly reason: string };

export interface RedisStatistics {
  readonly pending: number;
  readonly stored_total: number;
  readonly oldest_pending_seconds: number;
  readonly queues: readonly QueueDepth[];
  /** Number of connected workers; null if Redis does not allow its clients to be listed. */
  readonly workers: number | null;
  readonly memory_bytes: number;
  /** Sum of the servers' `maxmemory`; null if none is set. */
  readonly memory_limit_bytes: number | null;
}

export interface DatabaseStatistics {
  readonly search_waiting: number;
  readonly search_lag_seconds: number;
  readonly dead_letters: number;
}

export interface Snapshot {
  readonly at: Date;
  readonly redis: Reach<RedisStatistics>;
  readonly database: Reach<DatabaseStatistics>;
  readonly search: Reach & { readonly backend: "elasticsearch" | "mysql" };
}

/** Reads all stores in parallel. An unavailable store does not affect the others. */
export async function takeSnapshot(stores: OpenStores): Promise<Snapshot> {
  const [redis, database, search] = await Promise.all([
    reached(stores.reasonOf, () => readRedis(stores)),
    reached(stores.reasonOf, () => readDatabase(stores)),
    reached(stores.reasonOf, async () => {
      await stores.search.ping();
      return {};
    }),
  ]);
  return { at: new Date(), redis, database, search: { ...search, backend: stores.search.kind } };
}

async function readRedis(stores: OpenStores): Promise<RedisStatistics> {
  // This read comes first and alone, because BullMQ would write to standard error if Redis is unavailable.
  const counts = await stores.totals();
  const [depths, queues, servers, workers] = await Promise.all([
    Promise.all(stores.backlogs.map((backlog) => backlog.depth())),
    stores.queueDepths(),
    Promise.all(stores.servers().map((server) => server.info("memory"))),
    stores.workers(),
  ]);
  const oldestAgeMs = Math.max(...depths.map((depth) => depth.oldestAgeMs ?? 0));
  const sum = (name: string): number => servers.reduce((total, info) => total + field(info, name), 0);
  const limit = sum("maxmemory");
  return {
    pending: counts.pending,
    stored_total: counts.stored,
    oldest_pending_seconds: oldestAgeMs / 1000,
    queues,
    workers,
    memory_bytes: sum("used_memory"),
    memory_limit_bytes: limit > 0 ? limit : null,
  };
}

async function readDatabase({ deadLetters, outbox }: OpenStores): Promise<DatabaseStatistics> {
  const [waiting, ageMs, letters] = await Promise.all([outbox.depth(), outbox.oldestAgeMs(), deadLetters.count()]);
  return { search_waiting: waiting, search_lag_seconds: ageMs / 1000, dead_letters: letters };
}

async function reached<Statistics extends object>(
  reasonOf: (error: unknown) => string,
  read: () => Promise<Statistics>,
): Promise<Reach<Statistics>> {
  const began = performance.now();
  try {
    const statistics = await read();
    return { reachable: true, ms: Math.round(performance.now() - began), ...statistics };
  } catch (error) {
    return { reachable: false, reason: reasonOf(error).split("\n", 1)[0] ?? "" };
  }
}

function field(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
}
