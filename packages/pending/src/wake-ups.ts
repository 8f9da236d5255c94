import { setTimeout as pause } from "node:timers/promises";

export interface WakeUpsOptions {
  /**
   * Wakes a worker for all these batches with one job. `traces` are the traceparents of the spans that accepted the
   * batches.
   */
  readonly wake: (batchIds: readonly string[], traces: readonly string[]) => Promise<unknown>;
  /**
   * Minimum time in ms between two wake-ups. The first one is sent at once. Until a worker wakes, messages are read
   * from Redis.
   */
  readonly intervalMs?: number;
  /**
   * Maximum number of batches per job. A worker takes whole jobs, so larger ones would distribute the work unevenly.
   */
  readonly maxBatches?: number;
  /** Maximum number of batches that wait for a job. Beyond it, batches are left to the sweep. */
  readonly maxWaiting?: number;
}

export interface WakeUps {
  /** Adds a batch to the next wake-up. Nothing waits for the wake-up: if it fails, a sweep finds the batch. */
  add(batchId: string, trace: string | undefined): void;
  /** Sends the waiting wake-ups without further pauses. Resolves after a wake-up has been tried for every batch. */
  settle(): Promise<void>;
}

/**
 * Wakes workers. Batches that are accepted during a wake-up, or soon after it, share the next one, because a job costs
 * Redis, ingest and the worker more than all messages of a batch. An idle process sends a wake-up at once.
 */
export function createWakeUps(options: WakeUpsOptions): WakeUps {
  const { wake, intervalMs = 100, maxBatches = 32, maxWaiting = 10_000 } = options;
  const settling = new AbortController();
  let waiting: { batchId: string; trace: string | undefined }[] = [];
  let underWay: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const jobs = [];
      for (let at = 0; at < waiting.length; at += maxBatches) jobs.push(waiting.slice(at, at + maxBatches));
      waiting = [];
      await Promise.allSettled(
        jobs.map((job) =>
          wake(
            job.map(({ batchId }) => batchId),
            job.flatMap(({ trace }) => trace ?? []),
          ),
        ),
      );
      await pause(intervalMs, undefined, { signal: settling.signal }).catch(() => undefined);
    }
    underWay = undefined;
  }

  return {
    add(batchId, trace) {
      if (waiting.length >= maxWaiting) return;
      waiting.push({ batchId, trace });
      underWay ??= run();
    },
    async settle() {
      settling.abort();
      await underWay;
    },
  };
}
