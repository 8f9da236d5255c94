import { createCoalescer, type Leave } from "@confab/async";
import { setTimeout as pause } from "node:timers/promises";
import type { BatchStore, StoreResult } from "@confab/database";
import type { AcceptedBatch, AcceptedMessage, Backlog, LostBatch } from "@confab/pending";
import type { Producer } from "@confab/queue";
import { inSpan, messagingAttributes, startSharedSpan, type Tracer, type StoreSettings } from "@confab/runtime";
import type { RecentRanges } from "../schedules/recent-ranges.ts";
import { createCompleteBatches, type CompleteBatchesOptions } from "./complete-batches.ts";
import { createStoreReports } from "./store-reports.ts";
import { createWakeUp } from "./wake-up.ts";

export interface StoreBatchesOptions extends CompleteBatchesOptions {
  readonly backlog: Pick<Backlog, "read" | "complete" | "missingAmong">;
  readonly batchStore: Pick<BatchStore, "store" | "noteLost" | "noteLate">;
  readonly producer: Pick<Producer, "wakeBatches" | "wakeSearch">;
  /** Nothing is stored while they are refused. */
  readonly settings: Pick<StoreSettings, "areSafe" | "assertSafe">;
  /** Whether to retry: the store is unavailable, or a transaction lost a race. */
  readonly shouldWait: (error: unknown) => boolean;
  /** Called when a job begins, and when a transaction or an attempt ends. */
  readonly sign: () => void;
  /** Notes the stored messages. */
  readonly recent: Pick<RecentRanges, "note">;
  readonly tracer: Tracer;
  readonly maxRows: number;
}

/** A job: batches, and the traceparents of the spans that accepted them. */
interface StoreJob {
  readonly batches: readonly string[];
  readonly traces?: readonly string[] | undefined;
}

export interface StoreBatches {
  /**
   * Resolves when the batches are committed and removed from Redis, or left to a worker of a newer version. Rejects when all have been
   * tried and one has failed.
   */
  readonly handle: (job: StoreJob) => Promise<void>;
  /** Ends all retries; their batches go back to the queue. */
  abandon(): void;
}

/** The maximum bytes of one transaction, unless a single batch is larger. */
const maxBytes = 2 * 1024 * 1024;
const longestPauseMs = 2000;
/** How many batches a read asks for, besides twice as many as the last transaction took: each costs Redis an argument. */
const furtherBatches = 64;

/** Stores accepted batches, as many as possible in one transaction, and each message exactly once. */
export function createStoreBatches(options: StoreBatchesOptions): StoreBatches {
  const { backlog, batchStore, settings, producer, shouldWait, sign, recent, tracer, metrics, maxRows } = options;
  const { complete, leaveOpen, completeEarlier } = createCompleteBatches(options);
  const reports = createStoreReports(options);
  const abandoned = new AbortController();
  // The server of the search queue may be unavailable while this partition's is not.
  const wakeSearch = createWakeUp((causes) => producer.wakeSearch(causes));
  /** How many batches the last transaction took. */
  let lastTaken = 0;
  /** By the first batch of the job that brought them. */
  const traces = new Map<string, readonly string[]>();

  /** Reads the first batches, as many as fit one transaction. `rest` are the others, and `open` are those that were found. */
  async function readNext(ids: readonly string[]) {
    const asked = ids.slice(0, 2 * lastTaken + furtherBatches);
    const { batches, later, lost, repaired, newer } = await backlog.read(asked, { maxMessages: maxRows, maxBytes });
    reports.repaired(repaired);
    reports.newer(newer);
    lastTaken = asked.length - later.length;
    const open = new Set([...idsOf(batches), ...later, ...idsOf(lost), ...newer]);
    return { batches, lost, open, rest: [...later, ...ids.slice(asked.length)] };
  }

  /** Stores the first batches that a job or several brought. Leaves the others to the next run before it begins. */
  async function run(ids: readonly string[], leave: Leave): Promise<void> {
    let own = ids;
    /** The batches that earlier attempts may have stored, then the batches of this attempt. */
    const begun = new Map<string, AcceptedBatch>();
    for (let attempt = 0; ; attempt++) {
      try {
        const { batches, lost, open, rest } = await readNext(own);
        own = leave(rest);
        await completeEarlier([...begun.values()].filter(({ id }) => !open.has(id)));
        for (const batch of batches) begun.set(batch.id, batch);
        const groups = batches.length === 0 ? [] : [batches];
        const failures: unknown[] = [];
        for (const group of groups) {
          try {
            await storeGroup(group);
          } catch (error) {
            sign();
            if (group !== batches) failures.push(error);
            else if (group.length === 1 || shouldWait(error)) throw error;
            // Neither a row's error nor an outage: one by one, so that only the faulty batch fails.
            else groups.push(...batches.map((batch) => [batch]));
          }
        }
        if (failures.length > 0) throw failures[0];
        if (lost.length > 0) await giveUp(lost);
        return;
      } catch (error) {
        sign();
        if (!shouldWait(error) || abandoned.signal.aborted) throw error;
        reports.waits(error, own.length, attempt === 0);
        await pause(Math.min(100 * 2 ** attempt, longestPauseMs), undefined, { signal: abandoned.signal });
      }
    }
  }

  /** Stores batches in one transaction and completes them. */
  async function storeGroup(group: AcceptedBatch[]): Promise<void> {
    const accepted = group.flatMap(({ messages }) => messages);
    const requests = accepted.flatMap(({ trace }) => trace ?? []);
    const span = startSharedSpan(tracer, "store", {
      kind: "consumer",
      causes: [...group.flatMap(({ id }) => traces.get(id) ?? []), ...requests],
      attributes: {
        ...messagingAttributes("process", "store", "messages", accepted.length),
        "confab.batches": group.length,
        "confab.batch": group.length === 1 ? group[0]?.id : undefined,
      },
    });
    const call = span && tracer.start("batch-store.store", { ...databaseCall, parent: span.traceparent });
    const began = performance.now();
    let result: StoreResult<AcceptedMessage>;
    try {
      if (!settings.areSafe()) await settings.assertSafe();
      result = await batchStore.store(withBytes(group));
      call?.end();
    } catch (error) {
      call?.end(error);
      span?.end(error);
      throw error;
    }
    metrics.duration.observe((performance.now() - began) / 1000);
    metrics.rows.observe(accepted.length);
    metrics.stored.inc(result.stored);
    accepted.forEach(recent.note);
    sign();
    const causes = span === undefined ? [] : [span.traceparent, ...requests];
    await inSpan(span, () => settle(group, result, causes));
  }

  /** Completes and reports what was committed. Batches with messages of locked chats stay open. */
  async function settle(group: AcceptedBatch[], result: StoreResult<AcceptedMessage>, causes: string[]): Promise<void> {
    const done = await leaveLocked(group, result);
    reports.committed(result, done, Date.now());
    await complete(done, result);
    if (result.stored > 0) wakeSearch(causes);
    reports.logStored(group, result);
  }

  /**
   * Returns the batches that are done. Those with messages of locked chats stay in Redis; the sweep brings them back,
   * so that their jobs do not keep others waiting.
   */
  async function leaveLocked(
    group: AcceptedBatch[],
    { locked }: StoreResult<AcceptedMessage>,
  ): Promise<AcceptedBatch[]> {
    if (locked.length === 0) return group;
    reports.locked(locked);
    const isLocked = new Set(locked);
    const isLeft = ({ messages }: AcceptedBatch): boolean => messages.some((message) => isLocked.has(message));
    await leaveOpen(group.filter(isLeft), isLocked);
    return group.filter((batch) => !isLeft(batch));
  }

  async function giveUp(lost: LostBatch[]): Promise<void> {
    reports.lost(idsOf(lost));
    if (!settings.areSafe()) await settings.assertSafe();
    await batchStore.noteLost(withBytes(lost));
    await backlog.complete({ ids: idsOf(lost) });
  }

  const coalescer = createCoalescer({ run, maxItems: maxRows, maxInFlight: 2 });
  return {
    async handle({ batches, traces: accepted = [] }) {
      sign();
      const [first] = batches;
      if (accepted.length > 0) traces.set(first!, accepted);
      const outcomes = await Promise.allSettled(batches.map((id) => coalescer.submit(id)));
      traces.delete(first!);
      const failed = outcomes.find(({ status }) => status === "rejected");
      if (failed) throw (failed as PromiseRejectedResult).reason;
    },
    abandon: () => {
      abandoned.abort();
    },
  };
}

const databaseCall = { kind: "client", attributes: { "db.system.name": "mysql" } } as const;

const idsOf = (batches: readonly { id: string }[]): string[] => batches.map(({ id }) => id);

/** Returns the ids as the database has them. */
function withBytes<B extends { id: string }>(batches: readonly B[]): (Omit<B, "id"> & { id: Buffer })[] {
  return batches.map((batch) => ({ ...batch, id: Buffer.from(batch.id, "base64url") }));
}
