import { setTimeout as sleep } from "node:timers/promises";
import { encodeBatch, type AcceptLimits, type BatchEntry, type EntryResult, type Submission } from "./accept-batch.ts";
import { createBatchId } from "./batch-id.ts";
import { createBatcher, IntakeUnavailable, type Batcher } from "./batcher.ts";
import { keyPrefix, partitionOf, type Partitioning } from "./keys.ts";
import { createHeadLoader, type HeadLoaderOptions } from "./head-loader.ts";
import { guardKeys, type IntakeRedis } from "./scripts.ts";
import { createWakeUps, type WakeUpsOptions } from "./wake-ups.ts";

/** The outcome of a submission that Redis answered. */
export type Acceptance = { limit?: EntryResult["limit"] } & (
  | { outcome: "accepted"; number: number; createdAt: Date; replayed: boolean }
  | { outcome: "conflict" | "unknown-chat" | "unknown-application" | "unknown-reply" }
  | { outcome: "overloaded"; pending: number }
  | { outcome: "limited" | "keys-used-up"; waitMs: number }
);

export interface BatchObservation {
  size: number;
  /** How long the first message waited until the batch was sent. */
  waitedMs: number;
  durationMs: number;
  accepted: number;
  /** Messages that got the first answer to their idempotency key. */
  replayed: number;
}

/** The span of one call of the accept script. */
export interface BatchSpan {
  /** The trace context for the batch's job. */
  readonly traceparent: string;
  end(failure?: unknown): void;
}

export interface IntakeOptions {
  partitioning: Partitioning;
  limits: AcceptLimits;
  /** A connection from `withScripts`. */
  redis: Pick<IntakeRedis, "confabAccept">;
  /** Wakes a worker for accepted batches, as in `WakeUpsOptions`. */
  wake: (partition: number, ...args: Parameters<WakeUpsOptions["wake"]>) => Promise<unknown>;
  loadHead: HeadLoaderOptions["loadHead"];
  findApplications?: HeadLoaderOptions["findApplications"];
  onBatch?: (batch: BatchObservation) => void;
  /** Starts the span of a batch. Called only if the batch has messages of sampled requests. */
  traceBatch?: (batch: { id: string; size: number; traces: string[] }) => BatchSpan | undefined;
  maxBatch?: number;
  maxBatchBytes?: number;
  maxInFlight?: number;
  maxWaiting?: number;
  maxWaitingBytes?: number;
  deadlineMs?: number;
}

export interface Intake {
  /**
   * Rejects with IntakeUnavailable if the outcome is unknown. If the message was not accepted, rejects with IntakeBusy,
   * ChatsUnavailable or the error of `loadHead`.
   */
  submit(submission: Submission): Promise<Acceptance>;
  /**
   * Submits messages of one chat in order, at most as many as fit a batch. They are numbered together, so if there is
   * no room for all of them, the last ones are refused, never ones in the middle. Rejects as a whole, like `submit`.
   */
  submitRun(submissions: readonly Submission[]): Promise<Acceptance[]>;
  /** The number of batches that Redis has not answered, and of messages that wait for a batch. */
  load(): { inFlight: number; waiting: number };
  /** Whether as many messages wait as may: further ones are refused. */
  isFull(): boolean;
  stop(): Promise<void>;
}

/**
 * Only a failover between loading a head and accepting makes another round necessary, so more rounds mean that
 * something is wrong.
 */
const maxRounds = 4;

/**
 * Accepts messages: batches them, numbers them in Redis, and loads chat heads that Redis does not know from the
 * database.
 */
export function createIntake(options: IntakeOptions): Intake {
  const { partitioning, limits, redis, wake, onBatch, traceBatch, deadlineMs = 900, maxWaiting = 10_000 } = options;
  const wakeUps = Array.from({ length: partitioning.partitions }, (_, partition) =>
    createWakeUps({ wake: (batchIds, traces) => wake(partition, batchIds, traces) }),
  );

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

  const loadHead = createHeadLoader({ ...options, deadlineMs });
  const loading = new Map<string, ReturnType<typeof loadNow>>();
  const loadNow = async (token: string, chat: number, incarnation: string) => {
    const found = await loadHead(token, chat);
    return typeof found === "string" ? found : { id: String(found.id), lastNumber: found.lastNumber, incarnation };
  };
  const loadOnce = ({ token, chat }: BatchEntry, incarnation: string): ReturnType<typeof loadNow> => {
    const key = `${incarnation} ${token} ${chat}`;
    const known = loading.get(key);
    if (known) return known;
    const asked = loadNow(token, chat, incarnation).finally(() => loading.delete(key));
    loading.set(key, asked);
    return asked;
  };

  const submitRun = async (submissions: readonly Submission[]): Promise<Acceptance[]> => {
    const [first] = submissions;
    if (!first) return [];
    const batcher = batchers[partitionOf(partitioning, first.token, first.chat)]!;
    const results = await batcher.submit(submissions);
    const answers = results.map(toAcceptance);
    return results.some(isUnknown) ? loadAndSubmit(batcher, submissions, results, answers) : answers;
  };

  /** Loads the head of a chat that Redis does not know, and submits again what is unanswered. */
  async function loadAndSubmit(
    batcher: Batcher,
    submissions: readonly Submission[],
    firstResults: readonly EntryResult[],
    answers: Acceptance[],
  ): Promise<Acceptance[]> {
    let results = firstResults;
    let open = submissions.map((_, at) => at);
    for (let round = 1; ; round++) {
      open = open.filter((_, index) => isUnknown(results[index]!));
      if (open.length === 0) return answers;
      if (round === maxRounds) {
        throw new IntakeUnavailable("Redis changed its incarnation several times while a chat head was loaded");
      }
      const { incarnation } = results.find(isUnknown)!;
      const loaded = await loadOnce(submissions[0]!, incarnation);
      if (typeof loaded === "string") {
        for (const at of open) answers[at] = { outcome: loaded };
        return answers;
      }
      results = await batcher.submit(open.map((at) => ({ ...submissions[at]!, loaded })));
      open.forEach((at, index) => (answers[at] = toAcceptance(results[index]!)));
    }
  }

  const load = (): ReturnType<Intake["load"]> => {
    const loads = batchers.map((batcher) => batcher.load());
    return {
      inFlight: loads.reduce((total, { inFlight }) => total + inFlight, 0),
      waiting: loads.reduce((total, { waiting }) => total + waiting, 0),
    };
  };

  return {
    submitRun,
    submit: async (submission) => (await submitRun([submission]))[0]!,
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

const isUnknown = ({ result }: EntryResult): boolean => result === "unknown";

function toAcceptance({ result, createdMs, pending, limit, keysMs }: EntryResult): Acceptance {
  if (typeof result === "number")
    return { outcome: "accepted", number: result, createdAt: new Date(createdMs), replayed: false, limit };
  if (typeof result === "object")
    return { outcome: "accepted", number: result.number, createdAt: new Date(result.at), replayed: true, limit };
  if (result === "overloaded") return { outcome: "overloaded", pending, limit };
  if (result === "limited") return { outcome: "limited", waitMs: limit?.waitMs ?? 1000, limit };
  if (result === "keys") return { outcome: "keys-used-up", waitMs: keysMs, limit };
  if (result === "reply") return { outcome: "unknown-reply", limit };
  return { outcome: result === "conflict" ? "conflict" : "unknown-chat", limit };
}
