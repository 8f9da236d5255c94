export interface OneWorkerOptions {
  /**
   * Takes or renews the lease, which lasts for three intervals. Resolves to true if this worker has it. Rejects if
   * Redis does not answer.
   */
  readonly takeLease: () => Promise<boolean>;
  readonly intervalMs: number;
  readonly run: () => Promise<unknown>;
  readonly random?: () => number;
}

/** Number of intervals that a lease lasts, from the start of the holder's last run. */
export const leaseIntervals = 3;
const maxPauseIntervals = 5;

/**
 * Creates a function that every worker calls once per interval, and that does the work in only one of the workers. The
 * others try to take the lease again after a random pause of up to five intervals. If the holder dies or is busy for
 * longer than its lease, another worker does the work too. While Redis does not answer, every worker does the work.
 */
export function inOneWorker({
  takeLease,
  intervalMs,
  run,
  random = Math.random,
}: OneWorkerOptions): () => Promise<unknown> {
  let pausedUntil = -Infinity;
  return async () => {
    if (performance.now() < pausedUntil) return;
    if (await takeLease().catch(() => true)) await run();
    else pausedUntil = performance.now() + random() * maxPauseIntervals * intervalMs;
  };
}
