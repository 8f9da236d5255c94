import { Cluster, type Redis } from "ioredis";
import { countsOf, type Counts } from "./counts.ts";
import { keyPrefix, type Partitioning } from "./keys.ts";
import type { RedisConnection } from "./scripts.ts";

export interface Pressure {
  /** Accepted and not yet stored, in all partitions, when last looked. */
  pending: number;
  /** The same for each partition. */
  pendingByPartition: readonly number[];
  /** Messages stored per second, over the last few seconds. */
  drainRate: number;
  /** Used part of Redis' maxmemory, of a cluster's fullest master; 0 where none is set. */
  memory: number;
  /** Too little memory is left to accept more: draining needs room too. */
  memoryLow: boolean;
}

export interface PressureGauge {
  current(): Pressure;
  /** When to come back: about how long the backlog takes to drain, 1 to 60 seconds. */
  retryAfterSeconds(): number;
  stop(): void;
}

/** Looks at the backlog and at Redis' memory once a second, so that no message pays for it. */
export function createPressureGauge(
  redis: RedisConnection,
  partitioning: Partitioning,
  { intervalMs = 1000, maxMemory = 0.6 }: { intervalMs?: number; maxMemory?: number } = {},
): PressureGauge {
  let pressure: Pressure = { pending: 0, pendingByPartition: [], drainRate: 0, memory: 0, memoryLow: false };
  let last: { stored: number; at: number } | undefined;
  const partitions = Array.from({ length: partitioning.partitions }, (_, partition) => ({
    prefix: keyPrefix(partitioning, partition),
    counts: { pending: 0, stored: 0 },
  }));

  // Messages notice by themselves what is unreachable; its last figures stay until it is back.
  const look = async (): Promise<void> => {
    const memories = Promise.allSettled(serversOf(redis).map(usedMemory));
    const looks = await Promise.allSettled(
      partitions.map(async (partition) => {
        partition.counts = await countsOf(redis, partition.prefix);
      }),
    );
    const used = (await memories).flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    if (used.length === 0 || looks.every(({ status }) => status === "rejected")) return;
    const sum = (name: keyof Counts): number => partitions.reduce((total, { counts }) => total + counts[name], 0);
    const [pending, stored, at] = [sum("pending"), sum("stored"), Date.now()];
    const rate = last && at > last.at ? Math.max(0, (1000 * (stored - last.stored)) / (at - last.at)) : 0;
    // Smoothed: stores come in transactions of a thousand.
    const drainRate = last ? 0.7 * pressure.drainRate + 0.3 * rate : rate;
    last = { stored, at };
    const memory = Math.max(...used);
    const pendingByPartition = partitions.map(({ counts }) => counts.pending);
    pressure = { pending, pendingByPartition, drainRate, memory, memoryLow: memory > maxMemory };
  };
  void look();
  const timer = setInterval(() => void look(), intervalMs).unref();

  return {
    current: () => pressure,
    retryAfterSeconds() {
      const { pending, drainRate, memoryLow } = pressure;
      // Memory that draining cannot free, such as that of idempotency keys, is not free within a second.
      const least = memoryLow && pending === 0 ? 60 : 1;
      return Math.min(60, Math.max(least, Math.ceil(pending / Math.max(drainRate, 500))));
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}

function serversOf(redis: RedisConnection): Redis[] {
  return redis instanceof Cluster ? redis.nodes("master") : [redis];
}

/** The used part of a server's maxmemory; 0 where none is set. */
async function usedMemory(server: Redis): Promise<number> {
  const info = await server.info("memory");
  const field = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
  const limit = field("maxmemory");
  return limit > 0 ? field("used_memory") / limit : 0;
}
