import type { Redis } from "ioredis";
import { countsOf, type Counts } from "./counts.ts";
import { keyPrefix, type Partitioning } from "./keys.ts";
import { serversOf } from "./servers.ts";
import type { RedisConnection } from "./scripts.ts";

export interface Pressure {
  /** Pending messages in all partitions at the last snapshot. */
  pending: number;
  /** Pending messages per partition. */
  pendingByPartition: readonly number[];
  /** Messages stored per second over the last few seconds. */
  drainRate: number;
  /** Used share of Redis' maxmemory, in a cluster of its fullest master. 0 if maxmemory is not set. */
  memory: number;
  /** True if there is too little memory left to accept more messages, since draining needs memory too. */
  memoryLow: boolean;
}

export interface PressureGauge {
  current(): Pressure;
  /** When a client should retry: about the time that the backlog takes to drain, 1 to 60 seconds. */
  retryAfterSeconds(): number;
  stop(): void;
}

/** Reads the backlog and Redis' memory once per second, so that no message has to wait for it. */
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

  // An unavailable server keeps its last values. Sending a message fails by itself in that case.
  const refresh = async (): Promise<void> => {
    const memories = Promise.allSettled(serversOf(redis).map(usedMemory));
    const reads = await Promise.allSettled(
      partitions.map(async (partition) => {
        partition.counts = await countsOf(redis, partition.prefix);
      }),
    );
    const used = (await memories).flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    if (used.length === 0 || reads.every(({ status }) => status === "rejected")) return;
    const sum = (name: keyof Counts): number => partitions.reduce((total, { counts }) => total + counts[name], 0);
    const [pending, stored, at] = [sum("pending"), sum("stored"), Date.now()];
    const rate = last && at > last.at ? Math.max(0, (1000 * (stored - last.stored)) / (at - last.at)) : 0;
    // Smoothed, because messages are stored in transactions of up to a thousand.
    const drainRate = last ? 0.7 * pressure.drainRate + 0.3 * rate : rate;
    last = { stored, at };
    const memory = Math.max(...used);
    const pendingByPartition = partitions.map(({ counts }) => counts.pending);
    pressure = { pending, pendingByPartition, drainRate, memory, memoryLow: memory > maxMemory };
  };
  void refresh();
  const timer = setInterval(() => void refresh(), intervalMs).unref();

  return {
    current: () => pressure,
    retryAfterSeconds() {
      const { pending, drainRate, memoryLow } = pressure;
      // Draining cannot free all memory, for example that of idempotency keys, so this takes longer than a second.
      const minimum = memoryLow && pending === 0 ? 60 : 1;
      return Math.min(60, Math.max(minimum, Math.ceil(pending / Math.max(drainRate, 500))));
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}

/** The used share of a server's maxmemory; 0 if it is not set. */
async function usedMemory(server: Redis): Promise<number> {
  const info = await server.info("memory");
  const field = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
  const limit = field("maxmemory");
  return limit > 0 ? field("used_memory") / limit : 0;
}
