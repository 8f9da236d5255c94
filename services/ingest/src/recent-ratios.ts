export interface RecentRatiosOptions {
  readonly shown: number;
  /** How long a ratio counts after it was noted. */
  readonly forMs: number;
  readonly now?: () => number;
}

/** How many names are kept: more applications than use limited keys at once. */
const kept = 1_000;

/** Keeps the last ratio of each name for a while. */
export function createRecentRatios({ shown, forMs, now = () => performance.now() }: RecentRatiosOptions) {
  // The one that was noted last is at the end.
  const ratios = new Map<string, { ratio: number; at: number }>();
  return {
    note: (name: string, ratio: number): void => {
      ratios.delete(name);
      ratios.set(name, { ratio, at: now() });
      if (ratios.size > kept) ratios.delete(ratios.keys().next().value!);
    },
    /** In descending order. */
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
