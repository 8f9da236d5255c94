export interface GuessesOptions {
  /** Wrong guesses per second and address, and those at once. */
  readonly perSecond: number;
  readonly burst: number;
  /** Maximum number of addresses to remember. */
  readonly maximum?: number;
  readonly now?: () => number;
}

/** Counts wrong guesses per client address. Plenty of addresses forget the first ones of those that guessed. */
export function createGuesses({ perSecond, burst, maximum = 10_000, now = () => performance.now() }: GuessesOptions) {
  const interval = 1_000 / perSecond;
  // When the bucket of an address is full again, the oldest first. All last equally long, so the first ones are over first.
  const fullAt = new Map<string, number>();

  /** How long an address has to wait until it may guess again, in milliseconds. */
  function waitOf(address: string): number {
    return Math.max(0, (fullAt.get(address) ?? 0) - now() - (burst - 1) * interval);
  }

  return {
    waitOf,
    count(address: string): void {
      const next = Math.max(now(), fullAt.get(address) ?? 0) + interval;
      fullAt.delete(address);
      fullAt.set(address, next);
      const [oldest] = fullAt.keys();
      if (fullAt.size > maximum || fullAt.get(oldest!)! < now()) fullAt.delete(oldest!);
    },
    size: () => fullAt.size,
  };
}
