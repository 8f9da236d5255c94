import { setTimeout as sleep } from "node:timers/promises";
import { encodeBatch, type AcceptLimits, type EntryResult, type Submission } from "./encode-batch.ts";
import { toAcceptance, type Acceptance } from "./acceptance.ts";
import { createBatchId } from "./batch-id.ts";
import { createBatcher, type Batcher } from "./batcher.ts";
import { keyPrefix, partitionOf, type Partitioning } from "./keys.ts";
import { createResubmission, inOrder, needsMysql, type ResubmissionOptions } from "./resubmission.ts";
import { guardKeys, type ScriptedRedis } from "./scripts.ts";
import { createWakeUps, type WakeUpsOptions } from "./wake-ups.ts";

export interface BatchObservation {
  readonly size: number;
  /** How long the first message waited until the batch was sent. */
  readonly waitedMs: number;
  readonly durationMs: number;
  readonly accepted: number;
  /** Messages that got the first answer to their idempotency key. */
  readonly replayed: number;
}

/** The span of one call of the accept script. */
export interface BatchSpan {
  /** The trace context for the batch's job. */
  readonly traceparent: string;
  end(failure?: unknown): void;
}

export interface AcceptorOptions {
  readonly partitioning: Partitioning;
  readonly limits: AcceptLimits;
  /** A connection from `withScripts`. */
  readonly redis: Pick<ScriptedRedis, "confabAccept">;
  /** Wakes a worker for accepted batches, as in `WakeUpsOptions`. */
  readonly wake: (partition: number, ...args: Parameters<WakeUpsOptions["wake"]>) => Promise<unknown>;
  readonly loadHead: ResubmissionOptions["loadHead"];
  readonly numberingOf: ResubmissionOptions["numberingOf"];
  readonly findApplications?: ResubmissionOptions["findApplications"];
  readonly findKeys: ResubmissionOptions["findKeys"];
  /** Called with the part of its limited idempotency keys that an application has used. */
  readonly onKeysUsed?: (token: string, used: number) => void;
  readonly onBatch?: (batch: BatchObservation) => void;
  /** Starts the span of a batch. Called only if the batch has messages of sampled requests. */
  readonly traceBatch?: (batch: { id: string; size: number; traces: string[] }) => BatchSpan | undefined;
  readonly maxBatch?: number;
  readonly maxBatchBytes?: number;
  readonly maxInFlight?: number;
  readonly maxWaiting?: number;
  readonly maxWaitingBytes?: number;
  readonly deadlineMs?: number;
}

/**
 * Messages of one chat in their order. They are numbered together, so if there is no room for all of them, the last ones are
 * refused, never ones in the middle.
 */
export type Run = readonly Submission[];

export interface Acceptor {
  /**
   * Submits runs of different chats, all together at most as many messages as fit a batch. Returns for each run its acceptances, or an
   * error: AcceptorUnavailable if the outcome is unknown, otherwise AcceptorBusy, ChatsUnavailable or the error of `loadHead`.
   */
  submitRuns(runs: readonly Run[]): Promise<(Acceptance[] | Error)[]>;
  /** The number of batches that Redis has not answered, and of messages that wait for a batch. */
  load(): { inFlight: number; waiting: number };
  /** Whether as many messages wait as may: further ones are refused. */
  isFull(): boolean;
  stop(): Promise<void>;
}

/**
 * Accepts messages: batches them, numbers them in Redis, and loads chat heads that Redis does not know from the
 * database.
 */
export function createAcceptor(options: AcceptorOptions): Acceptor {
  const { partitioning, limits, redis, wake, onBatch, traceBatch } = options;
  const { deadlineMs = 900, maxWaiting = 10_000 } = options;
  const wakeUps = Array.from({ length: partitioning.partitions }, (_, partition) =>
    createWakeUps({ wake: (batchIds, traces) => wake(partition, batchIds, traces) }),
  );

  const resubmit = createResubmission({ ...options, deadlineMs });

  const batchers: Batcher[] = Array.from({ length: partitioning.partitions }, (_, partition) => {
    const prefix = keyPrefix(partitioning, partition);
    return createBatcher({
      maxBatch: options.maxBatch ?? 500,
      maxBatchBytes: options.maxBatchBytes ?? 1024 * 1024,
      maxInFlight: options.maxInFlight ?? 4,
      maxWaiting,
      maxWaitingBytes: options.maxWaitingBytes ?? 32 * 1024 * 1024,
      deadlineMs,
      send: async (entries, waitedMs) => {
        const createdMs = Date.now();
        const batch = encodeBatch(prefix, createBatchId(createdMs), entries, limits, createdMs);
        const traces = entries.map(({ trace }) => trace).filter((trace) => trace !== undefined);
        const span = traces.length > 0 ? traceBatch?.({ id: batch.id, size: entries.length, traces }) : undefined;
        const reply = await redis.confabAccept(...guardKeys(prefix), ...batch.args).catch((error: unknown) => {
          span?.end(error);
          throw error;
        });
        span?.end();
        const results = batch.parse(reply);
        let [accepted, replayed] = [0, 0];
        results.forEach(({ keys }, at) => {
          if (keys) options.onKeysUsed?.(entries[at]!.token, keys.used);
        });
        for (const { result } of results) {
          if (typeof result === "number") accepted += 1;
          else if (typeof result === "object") replayed += 1;
        }
        // Only for accepted messages: a job for each refusal would fill the queue by which the workers are scaled.
        if (accepted > 0) wakeUps[partition]!.add(batch.id, span?.traceparent);
        onBatch?.({ size: entries.length, waitedMs, durationMs: Date.now() - createdMs, accepted, replayed });
        return results;
      },
    });
  });

  async function submitRuns(runs: readonly Run[]): Promise<(Acceptance[] | Error)[]> {
    const partitions = new Map<Batcher, number[]>();
    runs.forEach((run, at) => {
      const [first] = run;
      if (!first) return;
      const batcher = batchers[partitionOf(partitioning, first.token, first.chat)]!;
      const positions = partitions.get(batcher);
      if (positions) positions.push(at);
      else partitions.set(batcher, [at]);
    });
    const outcomes: (Acceptance[] | Error)[] = runs.map(() => []);
    await Promise.all(
      Array.from(partitions, async ([batcher, positions]) => {
        const answers = await submitTogether(
          batcher,
          positions.map((at) => runs[at]!),
        );
        positions.forEach((at, index) => (outcomes[at] = answers[index]!));
      }),
    );
    return outcomes;
  }

  /** Submits runs of one partition in one piece. */
  async function submitTogether(batcher: Batcher, runs: readonly Run[]): Promise<(Acceptance[] | Error)[]> {
    let results: readonly EntryResult[];
    try {
      results = await batcher.submit(runs.flatMap(inOrder));
    } catch (error) {
      return runs.map(() => error as Error);
    }
    let end = 0;
    const answers: (Acceptance[] | Error)[] = [];
    const loads: Promise<void>[] = [];
    runs.forEach((run, at) => {
      const own = results.slice(end, (end += run.length));
      const acceptances = own.map(toAcceptance);
      answers.push(acceptances);
      if (!own.some(needsMysql)) return;
      loads.push(
        resubmit(batcher, run, own, acceptances).catch((error: unknown) => {
          answers[at] = error as Error;
        }),
      );
    });
    await Promise.all(loads);
    return answers;
  }

  const load = (): ReturnType<Acceptor["load"]> => {
    const loads = batchers.map((batcher) => batcher.load());
    return {
      inFlight: loads.reduce((total, { inFlight }) => total + inFlight, 0),
      waiting: loads.reduce((total, { waiting }) => total + waiting, 0),
    };
  };

  return {
    submitRuns,
    load,
    isFull: () => load().waiting >= maxWaiting,
    async stop() {
      await Promise.all(batchers.map((batcher) => batcher.stop()));
      // If Redis does not answer a wake-up, a sweep finds the batch.
      const settled = Promise.all(wakeUps.map((each) => each.settle()));
      await Promise.race([settled, sleep(deadlineMs, undefined, { ref: false })]);
    },
  };
}
