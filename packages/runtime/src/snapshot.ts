/** A snapshot is out of date when it is older than this many intervals. */
const maxIntervals = 3;

export interface Snapshot<T> {
  /** Reads the store; rejects, and keeps the last values, where the store does not answer. */
  readonly refresh: () => Promise<void>;
  /** The values that were read last; undefined before the first read and when they are older than three intervals. */
  readonly current: () => T | undefined;
  /** Time since the last successful read began, or since the snapshot was created. */
  readonly ageSeconds: () => number;
}

/** Keeps the values that were last read from a store for gauges; `refresh` must be called every `intervalMs`. */
export function createSnapshot<T>(
  read: () => Promise<T>,
  intervalMs: number,
  now: () => number = () => performance.now(),
): Snapshot<T> {
  let last: { readonly values: T; readonly at: number } | undefined;
  const createdAt = now();

  return {
    async refresh() {
      const at = now();
      last = { values: await read(), at };
    },
    current: () => (last !== undefined && now() - last.at <= maxIntervals * intervalMs ? last.values : undefined),
    ageSeconds: () => (now() - (last?.at ?? createdAt)) / 1000,
  };
}
