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

/**
 * Removes stored batches from Redis. Notes messages that Redis has lost in the meantime, because readers may already
 * have passed their numbers.
 */
export function createCompleteBatches(options: CompleteBatchesOptions) {
  const { partition, backlog, batchStore, chats, producer, metrics, logger } = options;

  async function noteLate(messages: AcceptedMessage[]): Promise<void> {
    if (messages.length > 0) await batchStore.noteLate(messages);
  }

  /**
   * Completes batches. After Redis has lost data, another message may already have the number of a message in a batch.
   * The message in the batch is then renumbered: it moves to the end of its chat. This happens in the step that removes
   * the batch, so the message is neither lost nor moved twice.
   */
  async function complete(group: AcceptedBatch[], result: StoreResult<AcceptedMessage>): Promise<void> {
    if (group.length === 0) return;
    const batchOf = ({ uid }: AcceptedMessage) => group.find(({ messages }) => messages.some((own) => own.uid === uid));
    // Conflicts in other batches are found again when those batches are stored.
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

  /**
   * Reports lost messages. They cannot be renumbered: Redis, which assigns numbers, no longer has them, and their own
   * numbers are taken.
   */
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
   * Leaves batches with messages of locked chats open. If Redis has lost such a batch, no sweep brings it back, so its
   * stored messages are noted.
   */
  async function leaveOpen(group: AcceptedBatch[], locked: ReadonlySet<AcceptedMessage>): Promise<void> {
    const begun = group.filter(({ messages }) => messages.some((message) => !locked.has(message)));
    if (begun.length === 0) return;
    const late = messagesOf(begun, await backlog.missingAmong(begun.map(({ id }) => id)));
    await noteLate(late.filter((message) => !locked.has(message)));
  }

  /**
   * Completes batches that an earlier attempt may have stored and that are no longer open. Either that attempt or
   * another worker has completed them, or Redis has lost them.
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
