import { keyPrefix, type Partitioning } from "./keys.ts";
import type { RedisConnection } from "./scripts.ts";

export interface Pressure {
  /** Accepted and not yet stored, in all partitions, when last looked. */
  pending: number;
  /** Messages stored a second, over the last few seconds. */
  drainRate: number;
  /** Used part of Redis' maxmemory; 0 where none is set. */
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
  let pressure: Pressure = { pending: 0, drainRate: 0, memory: 0, memoryLow: false };
  let last: { stored: number; at: number } | undefined;

  const look = async (): Promise<void> => {
    const prefixes = Array.from({ length: partitioning.partitions }, (_, partition) =>
      keyPrefix(partitioning, partition),
    );
    const [info, ...counts] = await Promise.all([
      redis.info("memory"),
      ...prefixes.map((prefix) => redis.mget(`${prefix}pending`, `${prefix}stored`)),
    ]);
    const sum = (place: number): number => counts.reduce((total, values) => total + Number(values[place] ?? 0), 0);
    const [pending, stored, at] = [sum(0), sum(1), Date.now()];
    const rate = last && at > last.at ? Math.max(0, (1000 * (stored - last.stored)) / (at - last.at)) : 0;
    // Smoothed: stores come in transactions of a thousand.
    const drainRate = last ? 0.7 * pressure.drainRate + 0.3 * rate : rate;
    last = { stored, at };
    const field = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
    const limit = field("maxmemory");
    const memory = limit > 0 ? field("used_memory") / limit : 0;
    pressure = { pending, drainRate, memory, memoryLow: memory > maxMemory };
  };
  // An unreachable Redis is seen by the messages themselves; the last figures stand until it is back.
  const tick = (): void => void look().catch(() => undefined);
  tick();
  const timer = setInterval(tick, intervalMs).unref();

  return {
    current: () => pressure,
    retryAfterSeconds: () => Math.min(60, Math.max(1, Math.ceil(pressure.pending / Math.max(pressure.drainRate, 500)))),
    stop: () => {
      clearInterval(timer);
    },
  };
}
