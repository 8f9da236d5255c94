import { partitionPrefix } from "./partition-prefix.ts";
import { withTimeout, type ShareSnapshot } from "@confab/async";
import type { RedisConnection } from "./connections.ts";
import { createLease } from "./lease.ts";
import { askOnce } from "./ask-once.ts";

export interface SnapshotSharingOptions {
  readonly prefix: string;
  /**
   * The version of this process. Versions may differ in what they read, so a process shares only with processes of its
   * own version.
   */
  readonly version: string;
}

/** After this many intervals without a newer value nobody could read the store. */
const maxIntervals = 3;

/**
 * Shares values through Redis. All processes poll a value, which is one GET. A process that finds it an interval old takes a lease, reads
 * the store and writes the new value.
 */
export function createSnapshotSharing(
  redis: RedisConnection,
  { prefix, version }: SnapshotSharingOptions,
): ShareSnapshot {
  return <T>(name: string, intervalMs: number, read: () => Promise<T>, { readsAlone = false } = {}) => {
    const key = `${partitionPrefix(prefix, 0)}:shared:${version}:${name}`;
    // A little less than an interval, so that a process that polls once per interval finds it over.
    const dueMs = 0.9 * intervalMs;
    const takeLease = createLease(redis, prefix, { name: `read:${version}:${name}`, forMs: dueMs });
    const poll = askOnce(() => redis.get(key));
    let last: { readonly text: string | null; readonly at: number } = { text: null, at: performance.now() };
    const ageMs = (): number => performance.now() - last.at;

    async function readAndShare(): Promise<T> {
      // A connection that breaks can leave a command without any answer.
      const late = () => new Error(`the values of "${name}" were not read in time`);
      const values = await withTimeout(read(), maxIntervals * intervalMs, late);
      // The time makes each text differ from the one before.
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
