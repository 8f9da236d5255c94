import type { WorkerConfig } from "@confab/config";
import {
  createChats,
  createErasureWork,
  createRetention,
  isUnavailable,
  pruneStoredBatches,
  pruneIdempotencyKeys,
  removeHistories,
  pruneMessageKeys,
  sampleCounts,
  type Messages,
  type Outbox,
} from "@confab/database";
import { createPendingErasure } from "@confab/pending";
import { createLease } from "@confab/redis";
import { repeat } from "@confab/async";
import type { Logger } from "@confab/runtime";
import {
  changedAfter,
  countIndexed,
  findMissing,
  isElasticsearch,
  numbersInIndex,
  removeChats,
  removeNumbers,
  isSameCount,
} from "@confab/search";
import type { Dependencies } from "../dependencies.ts";
import { createErasedCheck } from "./check-erased.ts";
import { createCountsCheck } from "./check-counts.ts";
import { createErasing } from "./erase.ts";
import { inOneWorker, leaseIntervals } from "./one-worker.ts";
import type { RecentRanges } from "./recent-ranges.ts";
import { createIndexReconciliation } from "./reconcile-index.ts";
import { createRetaining } from "./retain.ts";
import { createSweeps } from "./sweep.ts";

const hour = 3_600_000;
const minute = 60_000;
const countsMs = 300_000;
/** How long one run deletes earlier versions of deleted messages. */
const historiesMs = 500;
/** An hour longer than promised, because the clocks of an api process and of a worker may differ. */
const idempotencyHours = 25;

export interface ScheduledWork {
  readonly index: { run(): Promise<unknown> };
  readonly messages: Messages;
  readonly outbox: Outbox;
  /** The ranges that this worker has stored lately. */
  readonly recent: RecentRanges;
  /** One for each partition. */
  readonly watchdogs: readonly (() => Promise<void>)[];
}

/** Starts what a worker does from time to time. */
export function startSchedules(
  dependencies: Dependencies & { config: WorkerConfig; logger: Logger },
  { index, messages, outbox, recent, watchdogs }: ScheduledWork,
) {
  const { redis, database, search, producer, backlogs, metrics, config, logger } = dependencies;
  const erasureWork = createErasureWork(database);
  const erasing = createErasing({
    work: erasureWork,
    pendingErasure: createPendingErasure(redis, config.partitioning),
    hasPending: async (ageMs) => {
      const page = { offset: 0, limit: 1 };
      const old = await Promise.all(backlogs.map((backlog) => backlog.overdue(ageMs, page)));
      return old.some((ids) => ids.length > 0);
    },
    removeDocuments: isElasticsearch(search) ? (chatIds) => removeChats(search, chatIds) : undefined,
    ...config.erasure,
    metrics,
    logger,
  });
  const retaining = createRetaining({
    retention: createRetention(database),
    intervalMs: config.retention.intervalMs,
    rowsPerSecond: config.erasure.rowsPerSecond,
    isUnavailable,
    metrics,
  });
  const { prefix } = config.partitioning;
  const { intervalMs } = config.sweep;
  const shortly = (name: string, run: () => Promise<unknown>, partition?: number) => {
    const takeLease = createLease(redis, prefix, { name, forMs: leaseIntervals * intervalMs, partition });
    return inOneWorker({ takeLease, intervalMs, run });
  };
  /** Each time another worker may be the one, so that a restart neither repeats the run nor puts it off. */
  const rarely = (name: string, everyMs: number, run: () => Promise<unknown>) => {
    const takeLease = createLease(redis, prefix, { name, forMs: 0.9 * everyMs });
    return async () => {
      if (await takeLease()) await run();
    };
  };
  const sweeps = createSweeps({ backlogs, producer, overdueMs: config.sweep.overdueMs, metrics, logger });
  const checkCounts = createCountsCheck({ sample: () => sampleCounts(database), metrics, logger });
  const prune = () =>
    Promise.all([
      pruneStoredBatches(database, config.batchIdRetentionMs),
      pruneIdempotencyKeys(database, idempotencyHours),
    ]);
  // A key is found for a lifetime after its message was accepted, and may have been a lifetime old by then.
  const pruneKeys = () => pruneMessageKeys(database, 2 * config.idempotencyMs);
  const schedules = [
    // A partition whose server is unavailable does not delay the others.
    ...sweeps.map((sweep, partition) =>
      repeat(intervalMs, `sweep of partition ${partition}`, shortly("sweep", sweep, partition), logger),
    ),
    ...watchdogs.map((check, partition) => repeat(intervalMs, `watchdog of partition ${partition}`, check, logger)),
    repeat(
      intervalMs,
      "index",
      shortly("index", () => index.run()),
      logger,
    ),
    repeat(
      intervalMs,
      "erasure of deleted chats",
      shortly("erasure", () => erasing.run()),
      logger,
    ),
    repeat(
      intervalMs,
      "removal of earlier versions",
      shortly("histories", () => removeHistories(database, { forMs: historiesMs })),
      logger,
    ),
    repeat(config.retention.intervalMs, "retention", () => retaining.run(), logger),
    repeat(countsMs, "check of counts", rarely("counts", countsMs, checkCounts), logger),
    ...(isElasticsearch(search)
      ? [
          repeat(
            config.reconcile.intervalMs,
            "reconciliation of the search index",
            createIndexReconciliation({
              chats: createChats(database),
              messages,
              outbox,
              recent,
              isWalker: createLease(redis, prefix, {
                name: "reconciliation",
                forMs: leaseIntervals * config.reconcile.intervalMs,
              }),
              graceMs: config.reconcile.graceMs,
              metrics,
              logger,
              index: {
                isSameCount,
                count: (ranges) => countIndexed(search, ranges),
                findMissing: (expected) => findMissing(search, expected),
                changedAfter: (chats) => changedAfter(search, chats),
                numbers: (range) => numbersInIndex(search, range),
                remove: (chatId, numbers) => removeNumbers(search, chatId, numbers),
              },
            }),
            logger,
          ),
          repeat(
            config.reconcile.intervalMs,
            "documents of erased chats",
            rarely(
              "erased-chats",
              config.reconcile.intervalMs,
              createErasedCheck({
                work: erasureWork,
                removeDocuments: (chatIds) => removeChats(search, chatIds),
                logger,
              }),
            ),
            logger,
          ),
        ]
      : []),
    repeat(hour, "prune", rarely("prune", hour, prune), logger),
    repeat(minute, "prune keys", rarely("prune-keys", minute, pruneKeys), logger),
  ];

  return {
    /** Ends long work early. Other workers continue with it. */
    abandon(): void {
      erasing.stop();
      retaining.stop();
    },
    /** Starts nothing more, and resolves when the runs under way have ended. */
    async stop(): Promise<void> {
      await Promise.all(schedules.map((schedule) => schedule.stop()));
    },
  };
}
