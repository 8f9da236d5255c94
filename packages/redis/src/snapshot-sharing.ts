import { partitionPrefix } from "./partition-prefix.ts";
import { withTimeout, type ShareSnapshot } from "@confab/async";
import type { RedisConnection } from "./connections.ts";
import { createLease } from "./lease.ts";
import { askOnce } from "./ask-once.ts";

export interface SnapshotSharingOptions {
  readonly prefix: string;
  /**
   * The version of this process. Different versions may read different values, so a process shares only with processes
   * of its own version.
   */
  readonly version: string;
}

/** Number of intervals without a newer value after which the store counts as unreadable. */
const maxIntervals = 3;

/**
 * Shares values through Redis. Every process polls a value with one GET. A process that finds the value older than an
 * interval takes a lease, reads the store and writes the new value. With `readsAlone`, a process reads the store itself
 * if Redis does not answer.
 */
export function createSnapshotSharing(
  redis: RedisConnection,
  { prefix, version }: SnapshotSharingOptions,
): ShareSnapshot {
  return <T>(name: string, intervalMs: number, read: () => Promise<T>, { readsAlone = false } = {}) => {
    const key = `${partitionPrefix(prefix, 0)}:shared:${version}:${name}`;
    // Slightly less than an interval, so that a process that polls once per interval finds the value due.
    const dueMs = 0.9 * intervalMs;
    const takeLease = createLease(redis, prefix, { name: `read:${version}:${name}`, forMs: dueMs });
    const poll = askOnce(() => redis.get(key));
    let last: { readonly text: string | null; readonly at: number } = { text: null, at: performance.now() };
    const ageMs = (): number => performance.now() - last.at;

    async function readAndShare(): Promise<T> {
      // If a connection breaks, a command may never be answered.
      const late = () => new Error(`the values of "${name}" were not read in time`);
      const values = await withTimeout(read(), maxIntervals * intervalMs, late);
      // The time makes each text differ from the previous one.
      const text = JSON.stringify({ readAt: Date.now(), values });
      last = { text, at: performance.now() };
      await redis.set(key, text, "PX", maxIntervals * intervalMs);
      return values;
    }

    return async () => {
      const polled = poll();
      const text = await (readsAlone ? polled.catch(() => undefined) : polled);
      if (text === undefined) return read();
      if (text !== null && text !== last.text) {
        last = { text, at: performance.now() };
        return (JSON.parse(text) as { values: T }).values;
      }
      if ((text === null || ageMs() >= dueMs) && (await takeLease())) return readAndShare();
      if (ageMs() > maxIntervals * intervalMs) throw new Error(`no process has read the values of "${name}" lately`);
      return undefined;
    };
  };
}
