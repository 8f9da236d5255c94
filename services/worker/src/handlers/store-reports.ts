import type { StoreResult } from "@confab/database";
import type { AcceptedBatch, AcceptedMessage } from "@confab/pending";
import { createRecent } from "@confab/async";
import type { Logger } from "@confab/runtime";
import { describeStored, logFieldsOf } from "./stored-messages.ts";
import type { StoreMetrics } from "./store-metrics.ts";

export interface StoreReportsOptions {
  readonly partition: number;
  readonly metrics: StoreMetrics;
  readonly logger: Logger;
}

/** Beyond it, the batches of a newer version that were reported first are reported again. */
const maxReportedNewer = 10_000;

/** Counts and logs what happens to batches while they are stored. */
export function createStoreReports({ partition, metrics, logger }: StoreReportsOptions) {
  const reportedNewer = createRecent(maxReportedNewer, Infinity);

  /** Writes one line per transaction: a line per message would be most of all log lines. */
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

  return {
    logStored,

    /** Storing begins again after a pause. Only the first failure of a run is logged. */
    waits(error: unknown, batches: number, isFirst: boolean): void {
      metrics.waits.inc();
      if (isFirst) logger.warn({ err: error, batches }, "storing waits: a store is unavailable");
    },

    repaired(ids: readonly string[]): void {
      if (ids.length === 0) return;
      logger.warn({ partition, batches: ids }, "Redis returned a damaged index of accepted messages: it is repaired");
    },

    /** Each batch is reported once, although the sweep brings it back until a worker of its version stores it. */
    newer(ids: readonly string[]): void {
      const unreported = ids.filter((id) => !reportedNewer.has(id));
      if (unreported.length === 0) return;
      for (const id of unreported) reportedNewer.add(id);
      metrics.batchesNewer.inc(unreported.length);
      logger.warn(
        { partition, batches: unreported },
        "a newer version of Confab accepted these messages: only a worker of that version can store them",
      );
    },

    lost(ids: readonly string[]): void {
      metrics.batchesLost.inc(ids.length);
      logger.error(
        { partition, batches: ids },
        "Redis lost accepted messages: check whether it evicts keys or lost its data",
      );
    },

    locked(messages: readonly AcceptedMessage[]): void {
      metrics.waits.inc();
      logger.warn(
        { ...logFieldsOf(messages[0]!), messages: messages.length },
        "a chat is locked: its messages are stored later",
      );
    },

    /** The messages of a transaction that are not stored under their numbers, and the age of the batches that are done. */
    committed(
      { erased, repeated, refused }: StoreResult<AcceptedMessage>,
      done: readonly AcceptedBatch[],
      now: number,
    ): void {
      if (erased.length > 0) {
        metrics.erased.inc(erased.length);
        logger.info({ messages: erased.length }, "messages of deleted chats dropped");
      }
      for (const { message, original } of repeated) {
        metrics.renumbered.inc();
        logger.warn(
          { ...logFieldsOf(message), renumbered: original.number },
          "an earlier request stored this message: it keeps that number",
        );
      }
      for (const { messages, acceptedAt } of done) {
        // Accepted together, so they have the same age.
        if (acceptedAt) metrics.age.observe((now - acceptedAt.getTime()) / 1000, messages.length);
      }
      for (const message of refused) {
        metrics.deadLettered.inc();
        logger.error(
          { ...logFieldsOf(message), reason: message.reason },
          "message cannot be stored and is kept as a dead letter",
        );
      }
    },
  };
}
