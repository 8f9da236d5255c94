export interface BucketsOptions {
  /** The amount that each owner may take per second, and at once. */
  readonly perSecond: number;
  readonly burst: number;
  /** Maximum number of owners to remember. Beyond it, those who took nothing for the longest time may take everything again. */
  readonly maximum?: number;
  readonly now?: () => number;
}

export interface Buckets {
  /** How long an owner has to wait for a whole one, in milliseconds. */
  waitOf(owner: string): number;
  /** Takes any amount, also more than there is: the owner has to wait longer then. */
  take(owner: string, amount?: number): void;
  /** How many owners are remembered. */
  size(): number;
}

/** Limits what owners take, in this process alone. */
export function createBuckets({
  perSecond,
  burst,
  maximum = 10_000,
  now = () => performance.now(),
}: BucketsOptions): Buckets {
  const interval = 1_000 / perSecond;
  // When the bucket of an owner is full again, beginning with those who have not taken anything for the longest time.
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
