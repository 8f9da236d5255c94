export interface RecentRatiosOptions {
  readonly shown: number;
  /** Time in ms for which a ratio counts after it was noted. */
  readonly forMs: number;
  readonly now?: () => number;
}

/**
 * Maximum number of names that are kept. It exceeds the number of applications that use limited keys at the same time.
 */
const kept = 1_000;

/** Creates a memory of the latest ratio of each name. Ratios expire after `forMs`. */
export function createRecentRatios({ shown, forMs, now = () => performance.now() }: RecentRatiosOptions) {
  // The names are in the order in which they were last noted.
  const ratios = new Map<string, { ratio: number; at: number }>();
  return {
    note: (name: string, ratio: number): void => {
      ratios.delete(name);
      ratios.set(name, { ratio, at: now() });
      if (ratios.size > kept) ratios.delete(ratios.keys().next().value!);
    },
    /** Returns the highest ratios that still count, in descending order. */
    highest: (): { name: string; ratio: number }[] => {
      const since = now() - forMs;
      return [...ratios]
        .filter(([, { at }]) => at >= since)
        .map(([name, { ratio }]) => ({ name, ratio }))
        .sort((a, b) => b.ratio - a.ratio)
        .slice(0, shown);
    },
  };
}
