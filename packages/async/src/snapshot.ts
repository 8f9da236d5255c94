/** A snapshot is out of date when it is older than this many intervals. */
const maxIntervals = 3;

/**
 * Shares what one process reads from a store with all processes, so that the store is read about once per interval, however many
 * processes there are. `read` must return what JSON can carry, and must be called every `intervalMs`. The returned function resolves to
 * the newest values, or to undefined if there are none that it has not returned before. It rejects while nobody can read the store.
 *
 * Processes share through Redis. While it does not answer, the function rejects, or with `readsAlone` calls `read` in each process: that
 * is for stores other than Redis.
 */
export type ShareSnapshot = <T>(
  name: string,
  intervalMs: number,
  read: () => Promise<T>,
  options?: { readonly readsAlone?: boolean },
) => () => Promise<T | undefined>;

export interface Snapshot<T> {
  /** Reads the store; rejects, and keeps the last values, where the store does not answer. */
  readonly refresh: () => Promise<void>;
  /** The values that were read last; undefined before the first read and when they are older than three intervals. */
  readonly current: () => T | undefined;
  /** Time since the last successful read began, or since the snapshot was created. */
  readonly ageSeconds: () => number;
}

/**
 * Keeps the values that were last read from a store for gauges; `refresh` must be called every `intervalMs`. While `read` resolves to
 * undefined, there are no newer values.
 */
export function createSnapshot<T>(
  read: () => Promise<T | undefined>,
  intervalMs: number,
  now: () => number = () => performance.now(),
): Snapshot<T> {
  let last: { readonly values: T; readonly at: number } | undefined;
  const createdAt = now();

  return {
    async refresh() {
      const at = now();
      const values = await read();
      if (values !== undefined) last = { values, at };
    },
    current: () => (last !== undefined && now() - last.at <= maxIntervals * intervalMs ? last.values : undefined),
    ageSeconds: () => (now() - (last?.at ?? createdAt)) / 1000,
  };
}
