import { createCoalescer, type Leave, createRecent } from "@confab/async";
import { setTimeout as pause } from "node:timers/promises";
import type { BatchStore, StoreResult } from "@confab/database";
import type { AcceptedBatch, AcceptedMessage, Backlog } from "@confab/pending";
import type { Producer } from "@confab/queue";
import { inSpan, messagingAttributes, startSharedSpan, type Tracer } from "@confab/runtime";
import { createCompleteBatches, type CompleteBatchesOptions } from "./complete-batches.ts";
import { describeStored, logFieldsOf } from "./stored-messages.ts";
import { createWakeUp } from "./wake-up.ts";

export interface StoreBatchesOptions extends CompleteBatchesOptions {
  backlog: Pick<Backlog, "read" | "complete" | "missingAmong">;
  batchStore: Pick<BatchStore, "store" | "noteLost" | "noteLate">;
  producer: Pick<Producer, "wakeBatches" | "wakeSearch">;
  /** Whether to retry: the store is unavailable, or a transaction lost a race. */
  shouldWait: (error: unknown) => boolean;
  tracer: Tracer;
  maxRows: number;
}

export interface StoreBatches {
  /**
   * Resolves when the batches are committed and removed from Redis; `accepted` are the traceparents of the spans that accepted them.
   * Rejects when all have been tried and one has failed.
   */
  handle(batchIds: readonly string[], accepted?: readonly string[]): Promise<void>;
  /** Ends all retries; their batches go back to the queue. */
  abandon(): void;
}

/** The maximum bytes of one transaction, unless a single batch is larger. */
const maxBytes = 2 * 1024 * 1024;
const longestPauseMs = 2000;
/** How many batches a read asks for, besides twice as many as the last transaction took: each costs Redis an argument. */
const furtherBatches = 64;
/** Beyond it, those that were reported first are reported again. */
const maxReportedNewer = 10_000;

/** Stores accepted batches, as many as possible in one transaction, and each message exactly once. */
export function createStoreBatches(options: StoreBatchesOptions): StoreBatches {
  const { partition, backlog, batchStore, producer, shouldWait, tracer, metrics, logger, maxRows } = options;
  const { complete, leaveOpen, completeEarlier } = createCompleteBatches(options);
  const abandoned = new AbortController();
  // The server of the search queue may be unavailable while this partition's is not.
  const wakeSearch = createWakeUp((causes) => producer.wakeSearch(causes));
  /** How many batches the last transaction took. */
  let lastTaken = 0;
  const reportedNewer = createRecent(maxReportedNewer, Infinity);
  /** By the first batch of the job that brought them. */
  const traces = new Map<string, readonly string[]>();

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
    const causes = span === undefined ? [] : [span.traceparent, ...requests];
    await inSpan(span, () => storeAccepted(group, accepted, causes));
  }

  async function storeAccepted(group: AcceptedBatch[], accepted: AcceptedMessage[], causes: string[]): Promise<void> {
    const began = performance.now();
    const result = await batchStore.store(
      group.map(({ id, ...batch }) => ({ id: Buffer.from(id, "base64url"), ...batch })),
    );
    metrics.duration.observe((performance.now() - began) / 1000);
    metrics.rows.observe(accepted.length);
    metrics.stored.inc(result.stored);
    const settled = await leaveLocked(group, result);
    if (result.erased.length > 0) {
      metrics.erased.inc(result.erased.length);
      logger.info({ messages: result.erased.length }, "messages of deleted chats dropped");
    }
    for (const { message, original } of result.repeated) {
      metrics.renumbered.inc();
      logger.warn(
        { ...logFieldsOf(message), renumbered: original.number },
        "an earlier request stored this message: it keeps that number",
      );
    }
    const now = Date.now();
    for (const { messages, acceptedAt } of settled) {
      // Accepted together, so they have the same age.
      if (acceptedAt) metrics.age.observe((now - acceptedAt.getTime()) / 1000, messages.length);
    }
    for (const refused of result.refused) {
      metrics.deadLettered.inc();
      logger.error(
        { ...logFieldsOf(refused), reason: refused.reason },
        "message refused by the database and kept as a dead letter",
      );
    }
    await complete(settled, result);
    if (result.stored > 0) wakeSearch(causes);
    logStored(group, result);
  }

  /**
   * The batches that are done. Those with messages of locked chats stay in Redis; the sweep brings them back, so that their jobs do
   * not keep others waiting.
   */
  async function leaveLocked(
    group: AcceptedBatch[],
    { locked }: StoreResult<AcceptedMessage>,
  ): Promise<AcceptedBatch[]> {
    if (locked.length === 0) return group;
    metrics.waits.inc();
    logger.warn(
      { ...logFieldsOf(locked[0]!), messages: locked.length },
      "a chat is locked: its messages are stored later",
    );
    const isLocked = new Set(locked);
    const isLeft = ({ messages }: AcceptedBatch): boolean => messages.some((message) => isLocked.has(message));
    await leaveOpen(group.filter(isLeft), isLocked);
    return group.filter((batch) => !isLeft(batch));
  }

  /** One line per transaction: a line per message would be most of all log lines. */
  function logStored(
    group: readonly AcceptedBatch[],
    { conflicts, refused, erased, locked, repeated }: StoreResult<AcceptedMessage>,
  ): void {
    if (!logger.isLevelEnabled("info")) return;
    const notStored = new Set(
      [...conflicts, ...refused, ...erased, ...locked, ...repeated.map(({ message }) => message)].map(({ uid }) => uid),
    );
    const isStored = ({ uid }: AcceptedMessage): boolean => !notStored.has(uid);
    const messages = group.flatMap((batch) => batch.messages.filter(isStored));
    if (messages.length > 0) logger.info(describeStored(group, messages), "messages stored");
    if (!logger.isLevelEnabled("debug")) return;
    for (const { id, messages } of group) {
      for (const message of messages.filter(isStored))
        logger.debug({ ...logFieldsOf(message), batch: id }, "message stored");
    }
  }

  /** Leaves batches to a worker of the version that accepted them. Until there is one, the sweep brings them here again and again. */
  function leaveNewer(ids: readonly string[]): void {
    const unreported = ids.filter((id) => !reportedNewer.has(id));
    if (unreported.length === 0) return;
    for (const id of unreported) reportedNewer.add(id);
    metrics.batchesNewer.inc(unreported.length);
    logger.warn(
      { partition, batches: unreported },
      "a newer version of Confab accepted these messages: only a worker of that version can store them",
    );
  }

  /** If an error is neither a row's nor an outage, stores the batches one by one, so that only the faulty one fails. */
  async function storeApart(group: AcceptedBatch[]): Promise<void> {
    try {
      await storeGroup(group);
    } catch (error) {
      if (group.length === 1 || shouldWait(error)) throw error;
      const errors: unknown[] = [];
      for (const batch of group) await storeGroup([batch]).catch((alone: unknown) => errors.push(alone));
      if (errors.length > 0) throw errors[0];
    }
  }

  /**
   * Stores the first batches, as many as fit one transaction. Leaves the others to the next run before it begins. `begun` are the
   * batches that earlier attempts may have stored, and then those of this one.
   */
  async function store(
    ids: readonly string[],
    begun: Map<string, AcceptedBatch>,
    leave: (later: readonly string[]) => void,
  ): Promise<void> {
    const asked = ids.slice(0, 2 * lastTaken + furtherBatches);
    const { batches, later, lost, repaired, newer } = await backlog.read(asked, { maxMessages: maxRows, maxBytes });
    leaveNewer(newer);
    if (repaired.length > 0)
      logger.warn(
        { partition, batches: repaired },
        "Redis returned a damaged index of accepted messages: it is repaired",
      );
    lastTaken = asked.length - later.length;
    leave([...later, ...ids.slice(asked.length)]);
    if (begun.size > 0) {
      const found = new Set([...batches.map(({ id }) => id), ...later, ...lost.map(({ id }) => id)]);
      await completeEarlier([...begun.values()].filter(({ id }) => !found.has(id)));
    }
    for (const batch of batches) begun.set(batch.id, batch);
    if (batches.length > 0) await storeApart(batches);
    if (lost.length > 0) {
      metrics.batchesLost.inc(lost.length);
      logger.error(
        { partition, batches: lost.map(({ id }) => id) },
        "Redis lost accepted messages: check whether it evicts keys or lost its data",
      );
      await batchStore.noteLost(lost.map(({ id, ...batch }) => ({ id: Buffer.from(id, "base64url"), ...batch })));
      await backlog.complete({ ids: lost.map(({ id }) => id) });
    }
  }

  async function storeWithRetries(ids: readonly string[], leave: Leave): Promise<void> {
    let own = ids;
    const begun = new Map<string, AcceptedBatch>();
    for (let attempt = 0; ; attempt++) {
      try {
        await store(own, begun, (later) => {
          own = leave(later);
        });
        return;
      } catch (error) {
        if (!shouldWait(error) || abandoned.signal.aborted) throw error;
        metrics.waits.inc();
        if (attempt === 0) logger.warn({ err: error, batches: own.length }, "storing waits: a store is unavailable");
        await pause(Math.min(100 * 2 ** attempt, longestPauseMs), undefined, { signal: abandoned.signal });
      }
    }
  }

  const coalescer = createCoalescer({ run: storeWithRetries, maxItems: maxRows, maxInFlight: 2 });
  return {
    async handle(batchIds, accepted = []) {
      const [first] = batchIds;
      if (accepted.length > 0) traces.set(first!, accepted);
      const outcomes = await Promise.allSettled(batchIds.map((id) => coalescer.submit(id)));
      traces.delete(first!);
      const failed = outcomes.find(({ status }) => status === "rejected");
      if (failed) throw (failed as PromiseRejectedResult).reason;
    },
    abandon: () => {
      abandoned.abort();
    },
  };
}
