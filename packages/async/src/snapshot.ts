/** Number of intervals after which a snapshot is out of date. */
const maxIntervals = 3;

/**
 * Shares what one process reads from a store with all processes, so that the store is read about once per interval,
 * however many processes there are. `read` must return a value that JSON can represent. The returned function must be
 * called every `intervalMs`. It resolves to the newest values, or to undefined if it has already returned them. It
 * rejects while no process can read the store.
 *
 * Processes share through Redis. While Redis does not answer, the function rejects. With `readsAlone`, which is for
 * stores other than Redis, it calls `read` in each process instead.
 */
export type ShareSnapshot = <T>(
  name: string,
  intervalMs: number,
  read: () => Promise<T>,
  options?: { readonly readsAlone?: boolean },
) => () => Promise<T | undefined>;

export interface Snapshot<T> {
  /** Reads the store. If the store does not answer, rejects and keeps the last values. */
  readonly refresh: () => Promise<void>;
  /** Returns the last values, or undefined before the first read and once they are older than three intervals. */
  readonly current: () => T | undefined;
  /**
   * Returns the seconds since the last read that returned values began or, before any such read, since this object was
   * created.
   */
  readonly ageSeconds: () => number;
}

/**
 * Keeps the last values that were read from a store, for use in gauges. `refresh` must be called every `intervalMs`.
 * `read` resolves to undefined if there are no newer values.
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
