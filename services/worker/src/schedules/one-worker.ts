export interface OneWorkerOptions {
  /** Takes or renews the lease, which lasts for three intervals, and resolves to whether this worker has it. Rejects if Redis does not answer. */
  readonly takeLease: () => Promise<boolean>;
  readonly intervalMs: number;
  readonly run: () => Promise<unknown>;
  readonly random?: () => number;
}

/** A lease lasts for this many intervals from the start of the holder's last run. */
export const leaseIntervals = 3;
const maxPauseIntervals = 5;

/**
 * Creates a run, to call every interval, that one of all workers carries out. The others ask for the lease again after a random pause of up
 * to five intervals. If the holder is busy for longer than its lease lasts, or has died, another worker runs too. While Redis does not answer,
 * each worker runs.
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
