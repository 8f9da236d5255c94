import type { WorkerConfig } from "@confab/config";
import { createBatchStore, createChats } from "@confab/database";
import type { Backlog } from "@confab/pending";
import { createConsumer, waitListKey } from "@confab/queue";
import { createReplicatedRead, partitionPrefix, reconnect } from "@confab/redis";
import { traced, type Logger } from "@confab/runtime";
import type { Dependencies } from "./dependencies.ts";
import type { JobCounters } from "./job-counters.ts";
import { createStoreBatches, type StoreBatches } from "./handlers/store-batches.ts";
import { createStoreMetrics } from "./handlers/store-metrics.ts";
import type { RecentRanges } from "./schedules/recent-ranges.ts";
import { shouldWait } from "./should-wait.ts";
import { createWatchedConsumer, type WatchedConsumer } from "./watched-consumer.ts";

/** How long a batch waits for the replicas of Redis before it is read again. */
const replicasMs = 1_000;

type StoringDependencies = Dependencies & { config: WorkerConfig; logger: Logger };

/** Starts the consumers that store messages: one per partition, each with a watchdog. */
export function startStoring(dependencies: StoringDependencies, jobs: JobCounters, recent: RecentRanges) {
  const { backlogs, database, producer, settings, metrics, tracer, config, logger } = dependencies;
  const batchStore = createBatchStore(database);
  const common = {
    // Its calls that store are spans of the handler.
    batchStore: { ...traced(tracer, "mysql", "batch-store", batchStore), store: batchStore.store },
    chats: createChats(database),
    metrics: createStoreMetrics(metrics),
    maxRows: config.store.maxRows,
    settings,
    recent,
    producer,
    shouldWait,
    tracer,
    logger,
  };
  const watched: WatchedConsumer[] = [];
  const stores = backlogs.map((own, partition) => {
    const backlog = replicated(dependencies, traced(tracer, "redis", "backlog", own), partition);
    return createStoreBatches({ ...common, partition, backlog, sign: () => watched[partition]?.sign() });
  });
  for (const [partition, store] of stores.entries()) watched.push(watch(dependencies, jobs, partition, store));

  return {
    watchdogs: watched.map(({ check }) => check),
    /** Ends retries; their batches go back to the queue. */
    abandon(): void {
      for (const store of stores) store.abandon();
    },
    async stop(): Promise<void> {
      await Promise.all(watched.map((consumer) => consumer.stop()));
    },
  };
}

/** Reads only batches that the required number of replicas have. */
function replicated({ redis, config }: StoringDependencies, backlog: Backlog, partition: number): Backlog {
  if (config.minReplicas === 0) return backlog;
  const key = `${partitionPrefix(config.partitioning.prefix, partition)}:batches:replicated`;
  const read = createReplicatedRead(redis, key, { replicas: config.minReplicas, timeoutMs: replicasMs });
  return { ...backlog, read: (ids, limits) => read(() => backlog.read(ids, limits)) };
}

/** Starts a consumer that is replaced when it takes no jobs although some wait. */
function watch(
  { redis, blocking, health, liveness, metrics, config, logger }: StoringDependencies,
  jobs: JobCounters,
  partition: number,
  store: StoreBatches,
): WatchedConsumer {
  const { prefix } = config.partitioning;
  const list = waitListKey(prefix, partition, "messages");
  return createWatchedConsumer({
    name: `messages of partition ${partition}`,
    open: (sign) =>
      createConsumer({
        queue: "messages",
        connection: blocking,
        prefix,
        partition,
        logger,
        concurrency: config.store.concurrency,
        handle: store.handle,
        onEnd: (queue, outcome, ended) => {
          sign();
          jobs.count(queue, outcome, ended);
        },
      }),
    reconnect: () => {
      reconnect(blocking);
    },
    waiting: () => redis.llen(list),
    isReachable: () => health.ready().checks.database?.ok === true,
    timeoutMs: config.consumerStallTimeoutMs,
    liveness,
    restarts: metrics.counter("confab_consumer_restarts_total"),
    logger,
  });
}
