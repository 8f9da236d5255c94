export interface BucketsOptions {
  /** Number of units that each owner may take per second, and at once. */
  readonly perSecond: number;
  readonly burst: number;
  /**
   * Maximum number of owners to remember. Beyond it, the owners who took nothing for the longest time are forgotten and
   * start with a full bucket again.
   */
  readonly maximum?: number;
  readonly now?: () => number;
}

export interface Buckets {
  /** Returns the time in ms until an owner may take one unit. */
  waitOf(owner: string): number;
  /** Takes any amount, even more than is left. The owner then has to wait longer. */
  take(owner: string, amount?: number): void;
  /** Returns the number of remembered owners. */
  size(): number;
}

/** Limits how much each owner takes, in this process alone. */
export function createBuckets({
  perSecond,
  burst,
  maximum = 10_000,
  now = () => performance.now(),
}: BucketsOptions): Buckets {
  const interval = 1_000 / perSecond;
  // When each owner's bucket is full again. Owners who took nothing for the longest time come first.
  const fullAt = new Map<string, number>();

  return {
    waitOf: (owner) => Math.max(0, (fullAt.get(owner) ?? 0) - now() - (burst - 1) * interval),
    take(owner, amount = 1) {
      const next = Math.max(now(), fullAt.get(owner) ?? 0) + amount * interval;
      fullAt.delete(owner);
      fullAt.set(owner, next);
      const [oldest] = fullAt;
      if (oldest && (fullAt.size > maximum || oldest[1] < now())) fullAt.delete(oldest[0]);
    },
    size: () => fullAt.size,
  };
}
