import { setTimeout as sleep } from "node:timers/promises";
import { encodeBatch, type AcceptLimits, type BatchEntry, type EntryResult, type Submission } from "./accept-batch.ts";
import { createBatchId } from "./batch-id.ts";
import { createBatcher, IntakeUnavailable, type Batcher } from "./batcher.ts";
import { keyPrefix, partitionOf, type Partitioning } from "./keys.ts";
import { ChatsUnavailable, createHeadLoader, type HeadLoaderOptions } from "./head-loader.ts";
import { createKeyLookup, type KeyLookupOptions } from "./key-lookup.ts";
import { guardKeys, type IntakeRedis } from "./scripts.ts";
import { createWakeUps, type WakeUpsOptions } from "./wake-ups.ts";

/** The outcome of a submission that Redis answered. */
export type Acceptance = { limit?: EntryResult["limit"] } & (
  | { outcome: "accepted"; number: number; createdAt: Date; replayed: boolean }
  | { outcome: "conflict" | "unknown-chat" | "unknown-application" | "unknown-reply" | "key-open" }
  | { outcome: "failed"; error: Error }
  | { outcome: "overloaded"; pending: number }
  | { outcome: "limited" | "keys-used-up"; waitMs: number; ofUser: boolean }
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
  /** The ordinal of an incarnation of Redis: higher than that of all before it. Throws if the database is unavailable. */
  numberingOf: (incarnation: string) => Promise<number>;
  findApplications?: HeadLoaderOptions["findApplications"];
  findKeys: KeyLookupOptions["findKeys"];
  /** Called with the part of its limited idempotency keys that an application has used. */
  onKeysUsed?: (token: string, used: number) => void;
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

/**
 * Messages of one chat in their order. They are numbered together, so if there is no room for all of them, the last ones are
 * refused, never ones in the middle.
 */
export type Run = readonly Submission[];

export interface Intake {
  /**
   * Rejects with IntakeUnavailable if the outcome is unknown. If the message was not accepted, rejects with IntakeBusy,
   * ChatsUnavailable or the error of `loadHead`.
   */
  submit(submission: Submission): Promise<Acceptance>;
  /** Submits one run. Rejects as a whole, like `submit`. */
  submitRun(run: Run): Promise<Acceptance[]>;
  /**
   * Submits runs of different chats, all together at most as many messages as fit a batch. Returns for each run its acceptances, or
   * the error with which `submit` would reject.
   */
  submitRuns(runs: readonly Run[]): Promise<(Acceptance[] | Error)[]>;
  /** The number of batches that Redis has not answered, and of messages that wait for a batch. */
  load(): { inFlight: number; waiting: number };
  /** Whether as many messages wait as may: further ones are refused. */
  isFull(): boolean;
  stop(): Promise<void>;
}

/**
 * One round may load the head, one look up keys, and one accept. Only a failover between them makes other rounds necessary, so
 * more rounds mean that something is wrong.
 */
const maxRounds = 5;

/**
 * Accepts messages: batches them, numbers them in Redis, and loads chat heads that Redis does not know from the
 * database.
 */
export function createIntake(options: IntakeOptions): Intake {
  const { partitioning, limits, redis, wake, numberingOf, onBatch, traceBatch } = options;
  const { deadlineMs = 900, maxWaiting = 10_000 } = options;
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

  const loadHead = createHeadLoader({ ...options, deadlineMs });
  const findEarlier = createKeyLookup({
    findKeys: options.findKeys,
    deadlineMs,
    unavailable: (message, cause) => new ChatsUnavailable(message, cause),
  });
  const loading = new Map<string, ReturnType<typeof loadNow>>();
  const loadNow = async (token: string, chat: number, incarnation: string) => {
    const found = await loadHead(token, chat);
    if (typeof found === "string") return found;
    const numbering = await numberingOf(incarnation);
    return { ...found, id: String(found.id), incarnation, numbering };
  };
  const loadOnce = ({ token, chat }: BatchEntry, incarnation: string): ReturnType<typeof loadNow> => {
    const key = `${incarnation} ${token} ${chat}`;
    const known = loading.get(key);
    if (known) return known;
    const asked = loadNow(token, chat, incarnation).finally(() => loading.delete(key));
    loading.set(key, asked);
    return asked;
  };

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
      if (!own.some(isOpen)) return;
      loads.push(
        askAndSubmit(batcher, run, own, acceptances).catch((error: unknown) => {
          answers[at] = error as Error;
        }),
      );
    });
    await Promise.all(loads);
    return answers;
  }

  /** Asks MySQL what Redis does not know, submits again what is unanswered, and puts the answers in their places. */
  async function askAndSubmit(
    batcher: Batcher,
    run: Run,
    firstResults: readonly EntryResult[],
    answers: Acceptance[],
  ): Promise<void> {
    let open: OpenEntry[] = run.map((entry, at) => ({ at, entry, result: firstResults[at]! })).filter(isStillOpen);
    try {
      for (let round = 1; open.length > 0; round++) {
        if (round === maxRounds) {
          throw new IntakeUnavailable("Redis changed its incarnation several times while MySQL was asked");
        }
        const unknown = open.find(({ result }) => result.result === "unknown");
        open = unknown
          ? await withHead(open, unknown, answers)
          : (await Promise.all(open.map((each) => withoutEarlier(each, answers)))).filter((each) => each !== undefined);
        if (open.length === 0) return;
        const results = await batcher.submit(inOrder(open.map(({ entry }) => entry)));
        open.forEach((each, index) => {
          each.result = results[index]!;
          answers[each.at] = toAcceptance(each.result);
        });
        open = open.filter(isStillOpen);
      }
    } catch (error) {
      // Others of the run may have been accepted.
      if (open.length === run.length) throw error;
      for (const { at } of open) answers[at] = { outcome: "failed", error: error as Error };
    }
  }

  /** Adds the head of the chat; returns nothing if there is no such chat. */
  async function withHead(
    open: OpenEntry[],
    { entry, result }: OpenEntry,
    answers: Acceptance[],
  ): Promise<OpenEntry[]> {
    const loaded = await loadOnce(entry, result.incarnation);
    if (typeof loaded !== "string") return open.map((each) => ({ ...each, entry: { ...each.entry, loaded } }));
    for (const { at } of open) answers[at] = { outcome: loaded };
    return [];
  }

  /** Looks up a key that Redis may have forgotten. Returns undefined if MySQL has it. */
  async function withoutEarlier(each: OpenEntry, answers: Acceptance[]): Promise<OpenEntry | undefined> {
    const { at, entry, result } = each;
    if (entry.idempotency === undefined) return each;
    const earlier = await findEarlier(entry);
    if (earlier === undefined) {
      return { ...each, entry: { ...entry, memory: result.memory ?? { clock: 0, stored: 0 } } };
    }
    answers[at] =
      earlier === "conflict" ? { outcome: "conflict" } : { outcome: "accepted", ...earlier, replayed: true };
    return undefined;
  }

  const load = (): ReturnType<Intake["load"]> => {
    const loads = batchers.map((batcher) => batcher.load());
    return {
      inFlight: loads.reduce((total, { inFlight }) => total + inFlight, 0),
      waiting: loads.reduce((total, { waiting }) => total + waiting, 0),
    };
  };

  async function submitRun(run: Run): Promise<Acceptance[]> {
    const [answer] = await submitRuns([run]);
    if (answer instanceof Error) throw answer;
    return answer!;
  }

  return {
    submitRuns,
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

/** A message of a run that is not answered yet, and its last result. */
interface OpenEntry {
  readonly at: number;
  readonly entry: BatchEntry;
  result: EntryResult;
}

const isOpen = ({ result }: EntryResult): boolean => result === "unknown" || result === "stale";
const isStillOpen = ({ result }: OpenEntry): boolean => isOpen(result);

/** Messages of a run. None of them may overtake one that waits because of its key. */
function inOrder(run: readonly BatchEntry[]): readonly BatchEntry[] {
  if (run.length === 1 || !run.some(({ idempotency }) => idempotency)) return run;
  return run.map((entry, at) => ({ ...entry, follows: at > 0 }));
}

function toAcceptance({ result, createdAt, pending, limit, keys, userKeysWaitMs }: EntryResult): Acceptance {
  if (typeof result === "number") return { outcome: "accepted", number: result, createdAt, replayed: false, limit };
  if (typeof result === "object")
    return { outcome: "accepted", number: result.number, createdAt: new Date(result.at), replayed: true, limit };
  if (result === "overloaded") return { outcome: "overloaded", pending, limit };
  if (result === "limited" || result === "user-limited")
    return { outcome: "limited", waitMs: limit?.waitMs ?? 1000, ofUser: result === "user-limited", limit };
  if (result === "keys") return { outcome: "keys-used-up", waitMs: keys?.waitMs ?? 1000, ofUser: false, limit };
  if (result === "user-keys") return { outcome: "keys-used-up", waitMs: userKeysWaitMs ?? 1000, ofUser: true, limit };
  if (result === "open") return { outcome: "key-open", limit };
  if (result === "reply") return { outcome: "unknown-reply", limit };
  return { outcome: result === "conflict" ? "conflict" : "unknown-chat", limit };
}
