import { repeat, type ShareSnapshot } from "@confab/async";
import type { Redis } from "ioredis";
import { countsOf, type Counts } from "./counts.ts";
import { keyPrefix, type Partitioning } from "./keys.ts";
import { parseInfo, serversOf, type RedisConnection } from "@confab/redis";

export interface Pressure {
  /** Pending messages in all partitions at the last snapshot. */
  readonly pending: number;
  /** Pending messages per partition. */
  readonly pendingByPartition: readonly number[];
  /** Messages stored per second over the last few seconds. */
  readonly drainRate: number;
  /** Used share of Redis' maxmemory, in a cluster of its fullest master. 0 if maxmemory is not set. */
  readonly memory: number;
  /** True if there is too little memory left to accept more messages, since draining needs memory too. */
  readonly memoryLow: boolean;
}

export interface PressureGauge {
  current(): Pressure;
  /** When a client should retry: about the time that the backlog takes to drain, 1 to 60 seconds. */
  retryAfterSeconds(): number;
  stop(): void;
}

export interface PressureOptions {
  readonly share: ShareSnapshot;
  readonly intervalMs?: number;
  /** The used share of maxmemory above which memory is low. */
  readonly maxMemory?: number;
}

/** Polls what one of all processes reads of the backlog and Redis' memory once per second, so that no message has to wait for it. */
export function createPressureGauge(
  redis: RedisConnection,
  partitioning: Partitioning,
  { share, intervalMs = 1000, maxMemory = 0.6 }: PressureOptions,
): PressureGauge {
  let pressure: Pressure = { pending: 0, pendingByPartition: [], drainRate: 0, memory: 0, memoryLow: false };
  let last: { stored: number; at: number } | undefined;
  const prefixes = Array.from({ length: partitioning.partitions }, (_, partition) =>
    keyPrefix(partitioning, partition),
  );
  let counts: readonly Counts[] = prefixes.map(() => ({ pending: 0, stored: 0 }));
  const read = share("pressure", intervalMs, async () => {
    const [memories, partitions] = await Promise.all([
      Promise.all(serversOf(redis).map(answerOf(usedMemory))),
      Promise.all(prefixes.map(answerOf((prefix) => countsOf(redis, prefix)))),
    ]);
    const used = memories.filter((memory) => memory !== null);
    if (used.length === 0 || partitions.every((partition) => partition === null))
      throw new Error("Redis does not answer");
    return { memory: Math.max(...used), partitions };
  });

  const refresh = async (): Promise<void> => {
    const found = await read();
    if (found === undefined) return;
    const { memory, partitions } = found;
    // A partition whose server is unavailable keeps its last values. Sending a message to it fails by itself.
    counts = counts.map((known, partition) => partitions[partition] ?? known);
    const sum = (name: keyof Counts): number => counts.reduce((total, partition) => total + partition[name], 0);
    const [pending, stored, at] = [sum("pending"), sum("stored"), Date.now()];
    const rate = last && at > last.at ? Math.max(0, (1000 * (stored - last.stored)) / (at - last.at)) : 0;
    // Smoothed, because messages are stored in transactions of up to a thousand.
    const drainRate = last ? 0.7 * pressure.drainRate + 0.3 * rate : rate;
    last = { stored, at };
    const pendingByPartition = counts.map((partition) => partition.pending);
    pressure = { pending, pendingByPartition, drainRate, memory, memoryLow: memory > maxMemory };
  };
  // If nobody can read Redis, the last values stay.
  const schedule = repeat(intervalMs, "reading the pressure on Redis", refresh);

  return {
    current: () => pressure,
    retryAfterSeconds() {
      const { pending, drainRate, memoryLow } = pressure;
      // Draining cannot free all memory, for example what idempotency keys use, so this takes longer than a second.
      const minimum = memoryLow && pending === 0 ? 60 : 1;
      return Math.min(60, Math.max(minimum, Math.ceil(pending / Math.max(drainRate, 500))));
    },
    stop() {
      // Not waited for: it may hang on a server that does not answer.
      void schedule.stop();
    },
  };
}

/** Returns the same question, answered with null where the server does not answer. */
function answerOf<Of, T>(ask: (of: Of) => Promise<T>): (of: Of) => Promise<T | null> {
  return (of) => ask(of).catch(() => null);
}

/** Returns the used share of a server's maxmemory; 0 if it is not set. */
async function usedMemory(server: Redis): Promise<number> {
  const info = parseInfo(await server.info("memory"));
  const limit = info.number("maxmemory");
  return limit > 0 ? info.number("used_memory") / limit : 0;
}
