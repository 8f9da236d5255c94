import type { BatchStore, Chats, StoreResult } from "@confab/database";
import type { AcceptedBatch, AcceptedMessage, Backlog, Move } from "@confab/pending";
import type { Producer } from "@confab/queue";
import type { Logger } from "@confab/runtime";
import { logFieldsOf } from "./stored-messages.ts";
import type { StoreMetrics } from "./store-metrics.ts";

export interface CompleteBatchesOptions {
  readonly partition: number;
  readonly backlog: Pick<Backlog, "complete" | "missingAmong">;
  readonly batchStore: Pick<BatchStore, "noteLate">;
  readonly chats: Pick<Chats, "locate">;
  readonly producer: Pick<Producer, "wakeBatches">;
  readonly metrics: StoreMetrics;
  readonly logger: Logger;
}

/** Takes stored batches out of Redis. Notes what Redis has lost meanwhile, because readers may have passed it. */
export function createCompleteBatches(options: CompleteBatchesOptions) {
  const { partition, backlog, batchStore, chats, producer, metrics, logger } = options;

  async function noteLate(messages: AcceptedMessage[]): Promise<void> {
    if (messages.length > 0) await batchStore.noteLate(messages);
  }

  /**
   * Completes batches. If another message has a message's number, because Redis lost data, the late message moves to the end of its
   * chat. That happens in the step that removes its batch, so it is neither lost nor moved twice.
   */
  async function complete(group: AcceptedBatch[], result: StoreResult<AcceptedMessage>): Promise<void> {
    if (group.length === 0) return;
    const batchOf = ({ uid }: AcceptedMessage) => group.find(({ messages }) => messages.some((own) => own.uid === uid));
    // The others are found again with the rest of their batches.
    const conflicts = result.conflicts.filter((message) => batchOf(message) !== undefined);
    const moves: Move[] = [];
    const locations = new Map<string, Awaited<ReturnType<Chats["locate"]>>>();
    for (const message of conflicts) {
      const name = `${message.token}:${message.chat}`;
      const location = locations.get(name) ?? (await chats.locate(message.token, message.chat));
      if (!location) throw new Error("A chat was deleted while its messages were stored");
      locations.set(name, location);
      const { id: batchId } = batchOf(message)!;
      moves.push({ batchId, record: message.record, chatId: location.id, lastNumber: location.lastNumber });
    }
    const repetitions = result.repeated.flatMap(({ message, original }) => {
      const batch = batchOf(message);
      return batch ? [{ batchId: batch.id, record: message.record, original }] : [];
    });
    const { moved, movedBatchId, missing } = await backlog.complete({
      ids: group.map(({ id }) => id),
      moves,
      repetitions,
      unknownChats: result.refused.filter(({ chatUnknown }) => chatUnknown),
    });
    const late = messagesOf(group, missing);
    await noteLate(late.filter((message) => !conflicts.includes(message)));
    reportLost(
      group.filter(({ id }) => missing.includes(id)),
      new Set(conflicts),
    );
    conflicts.forEach((message, index) => {
      if (moved[index] === undefined) return;
      metrics.renumbered.inc();
      logger.warn(
        { ...logFieldsOf(message), renumbered: moved[index] },
        "another message has this number: the message is stored under a new one",
      );
    });
    if (movedBatchId !== undefined) await producer.wakeBatches(partition, [movedBatchId]);
  }

  /** Nobody can renumber them: Redis, which assigns numbers, has nothing of them, and their own numbers are taken. */
  function reportLost(missing: AcceptedBatch[], conflicts: ReadonlySet<AcceptedMessage>): void {
    for (const { messages } of missing) {
      const lost = messages.filter((message) => conflicts.has(message));
      if (lost.length > 0) metrics.batchesLost.inc();
      for (const message of lost)
        logger.error(
          logFieldsOf(message),
          "Redis lost an accepted message whose number another one has: it is not stored",
        );
    }
  }

  /**
   * Leaves batches open if all their messages but the locked ones are stored. If Redis has lost one, nobody brings it
   * back.
   */
  async function leaveOpen(group: AcceptedBatch[], locked: ReadonlySet<AcceptedMessage>): Promise<void> {
    const begun = group.filter(({ messages }) => messages.some((message) => !locked.has(message)));
    if (begun.length === 0) return;
    const late = messagesOf(begun, await backlog.missingAmong(begun.map(({ id }) => id)));
    await noteLate(late.filter((message) => !locked.has(message)));
  }

  /**
   * Completes batches that an earlier attempt may have stored, and that are open no more. Either that attempt or another worker has
   * completed them, or Redis has lost them.
   */
  async function completeEarlier(group: AcceptedBatch[]): Promise<void> {
    if (group.length === 0) return;
    const { missing } = await backlog.complete({ ids: group.map(({ id }) => id) });
    await noteLate(messagesOf(group, missing));
  }

  return { complete, leaveOpen, completeEarlier };
}

function messagesOf(group: AcceptedBatch[], ids: readonly string[]): AcceptedMessage[] {
  return group.filter(({ id }) => ids.includes(id)).flatMap(({ messages }) => messages);
}
