export interface TopApplicationsOptions {
  /**
   * Maximum number of names that are counted at once. A name whose share of the counts is more than 1 in `kept` is
   * always counted.
   */
  readonly kept: number;
  readonly shown: number;
  /** Minimum time in ms over which a rate is computed. */
  readonly leastMs: number;
  readonly now?: () => number;
}

export interface TopApplications {
  count(name: string, by: number): void;
  /**
   * Returns the events per second of the most frequent names, in descending order. The rates cover at least `leastMs`.
   */
  rates(): readonly { name: string; perSecond: number }[];
}

/**
 * Finds the most frequent names in bounded memory, however many there are: the Space-Saving algorithm of Metwally,
 * Agrawal and El Abbadi (2005). A new name replaces the rarest one and inherits its count, which is not part of the new
 * name's rate.
 */
export function createTopApplications({
  kept,
  shown,
  leastMs,
  now = () => performance.now(),
}: TopApplicationsOptions): TopApplications {
  let counts = new Map<string, { count: number; inherited: number }>();
  let since = now();
  let last: { name: string; perSecond: number }[] = [];

  function takeRarest(): number {
    let rarest = "";
    let least = Infinity;
    for (const [name, { count }] of counts) if (count < least) [rarest, least] = [name, count];
    counts.delete(rarest);
    return least;
  }

  return {
    count(name, by) {
      const entry = counts.get(name);
      if (entry) {
        entry.count += by;
        return;
      }
      const inherited = counts.size < kept ? 0 : takeRarest();
      counts.set(name, { count: inherited + by, inherited });
    },
    rates() {
      const elapsed = now() - since;
      if (elapsed < leastMs) return last;
      last = [...counts]
        .map(([name, { count, inherited }]) => ({ name, perSecond: ((count - inherited) * 1000) / elapsed }))
        .sort((a, b) => b.perSecond - a.perSecond)
        .slice(0, shown);
      counts = new Map();
      since = now();
      return last;
    },
  };
}
