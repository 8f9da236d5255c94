import { setTimeout as pause } from "node:timers/promises";

export interface WakeUpsOptions {
  /** Wakes a worker for all these batches with one job. `traces` are the traceparents of the spans that accepted them. */
  readonly wake: (batchIds: readonly string[], traces: readonly string[]) => Promise<unknown>;
  /** Minimum time from one wake-up to the next. The first one is sent at once. Meanwhile messages are read from Redis. */
  readonly intervalMs?: number;
  /** Maximum number of batches that one job stands for. A worker takes whole jobs, so larger ones would be shared unevenly. */
  readonly maxBatches?: number;
  /** Maximum number of batches that wait for a job. A sweep finds the others. */
  readonly maxWaiting?: number;
}

export interface WakeUps {
  /** Nothing waits for it: if it fails, a sweep finds the batch. */
  add(batchId: string, trace: string | undefined): void;
  /** Sends what waits without further pauses. Resolves when every batch has been tried. */
  settle(): Promise<void>;
}

/**
 * Wakes workers. Batches that are accepted during a wake-up or soon after it share the next one: a job costs Redis, ingest
 * and the worker more than all messages of a batch. An idle process wakes at once.
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
