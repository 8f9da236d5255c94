import { setTimeout as pause } from "node:timers/promises";
import type { Chats, Persistence } from "@confab/database";
import type { AcceptedBatch, AcceptedMessage, Backlog } from "@confab/intake";
import type { Producer } from "@confab/queue";
import { inSpan, shortToken, startSharedSpan, traceIdOf, type Logger, type Tracer } from "@confab/runtime";
import { createCoalescer } from "./coalescer.ts";
import { createWakeUp } from "./wake-up.ts";
import type { StoreMetrics } from "./store-metrics.ts";

export interface StoreBatchesOptions {
  partition: number;
  backlog: Pick<Backlog, "read" | "complete" | "renumber">;
  persistence: Persistence;
  chats: Pick<Chats, "locate">;
  producer: Pick<Producer, "wakeBatches" | "wakeSearch">;
  /** Whether to wait rather than to fail: the store is away or a transaction lost a race. */
  shouldWait: (error: unknown) => boolean;
  tracer: Tracer;
  metrics: StoreMetrics;
  logger: Logger;
  maxRows: number;
}

export interface StoreBatches {
  /** Resolves when the batch is committed and forgotten by Redis; `trace` is the span that accepted it. */
  handle(batchId: string, trace?: string): Promise<void>;
  /** Makes whatever waits for the database give up; its batches go back to the queue. */
  abandon(): void;
}

const maxBytes = 1024 * 1024;
const longestPauseMs = 2000;

/** Stores accepted batches, as many as there are in one transaction, each message exactly once. */
export function createStoreBatches(options: StoreBatchesOptions): StoreBatches {
  const { partition, backlog, persistence, chats, producer, shouldWait, tracer, metrics, logger, maxRows } = options;
  const abandoned = new AbortController();
  // The search queue's server may be away while this partition's is not.
  const wakeSearch = createWakeUp((causes) => producer.wakeSearch(causes));
  const traces = new Map<string, string>();

  async function storeGroup(group: AcceptedBatch[]): Promise<void> {
    const accepted = group.flatMap(({ messages }) => messages);
    const requests = accepted.flatMap(({ trace }) => trace ?? []);
    const span = startSharedSpan(tracer, "store", {
      kind: "consumer",
      causes: [...group.flatMap(({ id }) => traces.get(id) ?? []), ...requests],
      attributes: { "confab.batches": group.length, "confab.messages": accepted.length },
    });
    const causes = span === undefined ? [] : [span.traceparent, ...requests];
    await inSpan(span, () => storeAccepted(group, accepted, causes));
  }

  async function storeAccepted(group: AcceptedBatch[], accepted: AcceptedMessage[], causes: string[]): Promise<void> {
    const began = performance.now();
    const result = await persistence.persist(
      group.map(({ id, messages }) => ({ id: Buffer.from(id, "base64url"), messages })),
    );
    metrics.duration.observe((performance.now() - began) / 1000);
    metrics.rows.observe(accepted.length);
    metrics.stored.inc(result.stored);
    const now = Date.now();
    for (const { messages } of group) {
      // Accepted together, so of one age.
      if (messages[0]) metrics.age.observe((now - messages[0].createdAt.getTime()) / 1000, messages.length);
    }
    for (const conflict of result.conflicts) await renumber(find(accepted, conflict));
    for (const refused of result.refused) {
      metrics.deadLettered.inc();
      logger.error(
        { ...facts(find(accepted, refused)), reason: refused.reason },
        "message refused by the database and kept as a dead letter",
      );
    }
    await backlog.complete(
      group.map(({ id }) => id),
      accepted,
    );
    if (result.stored > 0) wakeSearch(causes);
    if (logger.isLevelEnabled("info")) {
      const gone = new Set([...result.conflicts, ...result.refused].map(({ chatId, number }) => `${chatId}:${number}`));
      for (const { id, messages } of group) {
        for (const message of messages) {
          if (gone.has(`${message.chatId}:${message.number}`)) continue;
          logger.info({ ...facts(message), batch: id }, "message stored");
        }
      }
    }
  }

  /** Another message has the number: Redis lost what it knew. The late one goes to the end, and is never lost. */
  async function renumber(message: AcceptedMessage): Promise<void> {
    const { token, chat, number } = message;
    const location = await chats.locate(token, chat);
    const renumbered = await backlog.renumber(message, location?.lastNumber ?? number);
    await producer.wakeBatches(partition, [renumbered.batchId]);
    metrics.renumbered.inc();
    logger.warn(
      { ...facts(message), renumbered: renumbered.number },
      "number was taken by another message: stored under a new one",
    );
  }

  async function store(ids: string[]): Promise<void> {
    for (const group of groupsOf(await backlog.read(ids), maxRows)) await storeGroup(group);
  }

  async function storeWithPatience(ids: string[]): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await store(ids);
        return;
      } catch (error) {
        if (!shouldWait(error) || abandoned.signal.aborted) throw error;
        metrics.waits.inc();
        if (attempt === 0) logger.warn({ err: error, batches: ids.length }, "storing waits for the database");
        await pause(Math.min(100 * 2 ** attempt, longestPauseMs), undefined, { signal: abandoned.signal });
      }
    }
  }

  const coalescer = createCoalescer({ run: storeWithPatience, maxItems: maxRows, maxInFlight: 2 });
  return {
    async handle(batchId, trace) {
      if (trace !== undefined) traces.set(batchId, trace);
      try {
        await coalescer.submit(batchId);
      } finally {
        traces.delete(batchId);
      }
    },
    abandon: () => {
      abandoned.abort();
    },
  };
}

/** Cuts batches into transactions of about `maxRows` messages or one mebibyte. A batch is never cut. */
function groupsOf(batches: AcceptedBatch[], maxRows: number): AcceptedBatch[][] {
  const groups: AcceptedBatch[][] = [];
  let rows = Infinity;
  let bytes = 0;
  for (const batch of batches) {
    const size = batch.messages.reduce((total, { body }) => total + body.length, 0);
    if (rows + batch.messages.length > maxRows || bytes + size > maxBytes) {
      groups.push([]);
      rows = bytes = 0;
    }
    groups.at(-1)!.push(batch);
    rows += batch.messages.length;
    bytes += size;
  }
  return groups;
}

function find(
  messages: AcceptedMessage[],
  { chatId, number, uid }: { chatId: bigint; number: number; uid: Uint8Array },
): AcceptedMessage {
  return messages.find((message) => message.chatId === chatId && message.number === number && message.uid.equals(uid))!;
}

function facts({ token, chat, number, requestId, trace }: AcceptedMessage): Record<string, string | number> {
  const traceId = traceIdOf(trace);
  return {
    request_id: requestId,
    ...(traceId !== undefined && { trace_id: traceId }),
    application: shortToken(token),
    chat,
    number,
  };
}
