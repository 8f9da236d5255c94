import type { WorkerConfig } from "@confab/config";
import { partitionPrefix, queues, waitListKey } from "@confab/contracts";
import {
  createChats,
  createDatabaseGauges,
  createErasureWork,
  createRetention,
  createMessages,
  createOutbox,
  SearchBackendMismatch,
  createBatchStore,
  isTransient,
  isUnavailable,
  pruneStoredBatches,
  pruneIdempotencyKeys,
  removeHistories,
  pruneMessageKeys,
  sampleCounts,
} from "@confab/database";
import { createBacklogGauges, createIntakeErasure, type Backlog } from "@confab/intake";
import {
  createConsumer,
  createLease,
  createQueueGauges,
  createRedisGauges,
  createReplicatedRead,
  createSharing,
  reconnect,
  ReplicasMissing,
} from "@confab/queue";
import {
  inSpan,
  messagingAttributes,
  repeat,
  SettingsRefused,
  startSharedSpan,
  traced,
  unlessRefused,
  type Logger,
} from "@confab/runtime";
import {
  countIndexed,
  findMissing,
  numbersInIndex,
  isElasticsearch,
  removeChats,
  searchBackendOf,
  SearchUnavailable,
} from "@confab/search";
import type { Dependencies } from "./dependencies.ts";
import { createJobCounters } from "./job-counters.ts";
import { createIndexMessages } from "./handlers/index-messages.ts";
import { createStoreBatches } from "./handlers/store-batches.ts";
import { createStoreMetrics } from "./handlers/store-metrics.ts";
import { createErasedCheck } from "./schedules/check-erased.ts";
import { createCountsCheck } from "./schedules/check-counts.ts";
import { createIndexReconciliation } from "./schedules/reconcile-index.ts";
import { createRecentRanges } from "./schedules/recent-ranges.ts";
import { createErasing } from "./schedules/erase.ts";
import { inOneWorker, leaseIntervals } from "./schedules/one-worker.ts";
import { createRetaining } from "./schedules/retain.ts";
import { createSweeps } from "./schedules/sweep.ts";
import { createWatchedConsumer, type WatchedConsumer } from "./watched-consumer.ts";

const hour = 3_600_000;
const minute = 60_000;
const countsMs = 300_000;
/** How long one run deletes earlier versions of deleted messages. */
const historiesMs = 500;
/** Intervals of reading the stores for their gauges. */
const redisSnapshotMs = 2_000;
const databaseSnapshotMs = 10_000;
/** An hour longer than promised, because the clocks of an api process and of a worker may differ. */
const idempotencyHours = 25;
/** A worker that stores into more chats within a minute leaves the rest to the walk through all chats. */
const maxRecentChats = 10_000;
/** How long a batch waits for the replicas of Redis before it is read again. */
const replicasMs = 1_000;

/** Starts consumers and schedules; `stop` finishes the work under way and leaves the rest to other workers. */
export function startWorker(dependencies: Dependencies & { config: WorkerConfig; logger: Logger }): {
  stop(): Promise<void>;
} {
  const { redis, blocking, database, search, producer, backlogs, metrics, tracer, config, logger } = dependencies;
  const { settings, health, liveness } = dependencies;
  const messages = traced(tracer, "mysql", "messages", createMessages(database));
  const shouldWait = (error: unknown): boolean =>
    isUnavailable(error) || isTransient(error) || error instanceof ReplicasMissing || error instanceof SettingsRefused;

  const watched: WatchedConsumer[] = [];
  const stored = createStoreMetrics(metrics);
  const recent = createRecentRanges(maxRecentChats);
  const replicated = (backlog: Backlog, partition: number): Backlog => {
    if (config.minReplicas === 0) return backlog;
    const key = `${partitionPrefix(config.partitioning.prefix, partition)}:batches:replicated`;
    const read = createReplicatedRead(redis, key, { replicas: config.minReplicas, timeoutMs: replicasMs });
    return { ...backlog, read: (ids, limits) => read(() => backlog.read(ids, limits)) };
  };
  const batchStore = unlessRefused(
    traced(tracer, "mysql", "batch-store", createBatchStore(database)),
    ["store"],
    settings,
  );
  const stores = backlogs.map((backlog, partition) =>
    createStoreBatches({
      partition,
      backlog: replicated(traced(tracer, "redis", "backlog", backlog), partition),
      batchStore: {
        store: async (batches) => {
          const result = await batchStore.store(batches);
          for (const batch of batches) batch.messages.forEach(recent.note);
          watched[partition]?.sign();
          return result;
        },
      },
      chats: createChats(database),
      producer,
      shouldWait: (error) => {
        watched[partition]?.sign();
        return shouldWait(error);
      },
      tracer,
      metrics: stored,
      logger,
      maxRows: config.store.maxRows,
    }),
  );
  const outbox = createOutbox(database, { backend: searchBackendOf(config.search) });
  const index = createIndexMessages({
    // Its spans contain those of the index, so they are no calls of the database.
    outbox: traced(tracer, undefined, "outbox", outbox),
    messages,
    chats: createChats(database),
    search: traced(tracer, config.search.backend, "search", search),
    isUnavailable: (error) =>
      error instanceof SearchUnavailable || error instanceof SearchBackendMismatch || shouldWait(error),
    metrics,
    logger,
  });
  const jobs = createJobCounters(metrics);
  const common = {
    connection: blocking,
    prefix: config.partitioning.prefix,
    logger,
    onEnd: jobs.count,
  };
  const restarts = metrics.counter("confab_consumer_restarts_total");
  for (const [partition, store] of stores.entries()) {
    const list = waitListKey(config.partitioning.prefix, partition, "messages");
    watched.push(
      createWatchedConsumer({
        name: `messages of partition ${partition}`,
        open: (sign) =>
          createConsumer({
            ...common,
            queue: "messages",
            partition,
            concurrency: config.store.concurrency,
            handle: ({ batches, traces }) => {
              sign();
              return store.handle(batches, traces);
            },
            onEnd: (queue, outcome, ended) => {
              sign();
              common.onEnd(queue, outcome, ended);
            },
          }),
        reconnect: () => {
          reconnect(blocking);
        },
        waiting: () => redis.llen(list),
        isReachable: () => health.ready().checks.database?.ok === true,
        timeoutMs: config.consumerStallTimeoutMs,
        liveness,
        restarts,
        logger,
      }),
    );
  }
  const indexing = createConsumer({
    ...common,
    queue: "search",
    partition: 0,
    concurrency: 2,
    handle: ({ traces = [] }) => {
      const attributes = messagingAttributes("process", "index", queues.search.name);
      const span = startSharedSpan(tracer, "index", { kind: "consumer", causes: traces, attributes });
      return inSpan(span, () => index.run());
    },
  });
  const erasureWork = createErasureWork(database);
  const erasing = createErasing({
    work: erasureWork,
    intake: createIntakeErasure(redis, config.partitioning),
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
    ...watched.map((consumer, partition) =>
      repeat(intervalMs, `watchdog of partition ${partition}`, consumer.check, logger),
    ),
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
              ...{
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
              },
              index: {
                count: (ranges) => countIndexed(search, ranges),
                findMissing: (expected) => findMissing(search, expected),
                numbers: (range) => numbersInIndex(search, range),
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
  const share = createSharing(redis, { prefix, version: config.version });
  const queueGauges = createQueueGauges(metrics, {
    connection: redis,
    ...config.partitioning,
    ...{ intervalMs: redisSnapshotMs, share },
  });
  const refreshing = [
    ...[
      queueGauges.refresh,
      createRedisGauges(metrics, redis, { intervalMs: redisSnapshotMs, share }),
      createBacklogGauges(metrics, backlogs, { intervalMs: redisSnapshotMs, share }),
    ].map((refresh) => repeat(redisSnapshotMs, "reading Redis for its gauges", refresh, logger)),
    repeat(
      databaseSnapshotMs,
      "reading the database for its gauges",
      createDatabaseGauges(metrics, database, { intervalMs: databaseSnapshotMs, share }),
      logger,
    ),
  ];

  return {
    async stop() {
      // Not waited for: one may hang on a server that does not answer.
      for (const schedule of refreshing) void schedule.stop();
      for (const store of stores) store.abandon();
      erasing.stop();
      retaining.stop();
      // Before the schedules: while other workers store, the outbox never becomes empty by itself.
      const indexed = index.stop();
      await Promise.all(schedules.map((schedule) => schedule.stop()));
      await Promise.all([indexed, queueGauges.stop(), indexing.stop(), ...watched.map((consumer) => consumer.stop())]);
    },
  };
}
