import type { QueueDepth } from "@confab/queue";
import type { OpenStores } from "./open-stores.ts";

/** Whether a store answers: in how many milliseconds, or else why not. */
export type Reach<Facts = object> =
  ({ readonly reachable: true; readonly ms: number } & Facts) | { readonly reachable: false; readonly reason: string };

export interface RedisInfo {
  readonly pending: number;
  readonly stored_total: number;
  readonly oldest_pending_seconds: number;
  readonly queues: readonly QueueDepth[];
  /** Workers connected; null where Redis does not let its clients be listed. */
  readonly workers: number | null;
  readonly memory_bytes: number;
  /** null: no maxmemory is set. */
  readonly memory_limit_bytes: number | null;
}

export interface DatabaseFacts {
  readonly search_waiting: number;
  readonly search_lag_seconds: number;
  readonly dead_letters: number;
}

export interface Look {
  readonly at: Date;
  readonly redis: Reach<RedisInfo>;
  readonly database: Reach<DatabaseFacts>;
  readonly search: Reach & { readonly backend: "elasticsearch" | "mysql" };
}

/** One look at every store, all at once; a store that does not answer takes nothing from what the others say. */
export async function look(stores: OpenStores): Promise<Look> {
  const [redis, database, search] = await Promise.all([
    reached(stores.reasonOf, () => redisFacts(stores)),
    reached(stores.reasonOf, () => readStatistics(stores)),
    reached(stores.reasonOf, async () => {
      await stores.search.ping();
      return {};
    }),
  ]);
  return { at: new Date(), redis, database, search: { ...search, backend: stores.search.kind } };
}

async function redisFacts(stores: OpenStores): Promise<RedisInfo> {
  // Alone at first: BullMQ would complain on standard error about a Redis that is away.
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

async function readStatistics({ database, outbox }: OpenStores): Promise<DatabaseFacts> {
  const [waiting, ageMs, letters] = await Promise.all([
    outbox.depth(),
    outbox.oldestAgeMs(),
    database.prisma.deadLetter.count(),
  ]);
  return { search_waiting: waiting, search_lag_seconds: ageMs / 1000, dead_letters: letters };
}

async function reached<Facts extends object>(
  reasonOf: (error: unknown) => string,
  ask: () => Promise<Facts>,
): Promise<Reach<Facts>> {
  const began = performance.now();
  try {
    const facts = await ask();
    return { reachable: true, ms: Math.round(performance.now() - began), ...facts };
  } catch (error) {
    return { reachable: false, reason: reasonOf(error).split("\n", 1)[0] ?? "" };
  }
}

function field(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
}
