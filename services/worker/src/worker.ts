import type { WorkerConfig } from "@confab/config";
import { queues, waitListKey, createConsumer } from "@confab/queue";
import { partitionPrefix, createReplicatedRead, reconnect, ReplicasMissing } from "@confab/redis";
import {
  createChats,
  createMessages,
  createOutbox,
  SearchBackendMismatch,
  createBatchStore,
  isTransient,
  isUnavailable,
} from "@confab/database";
import type { Backlog } from "@confab/pending";
import { inSpan, messagingAttributes, SettingsRefused, startSharedSpan, traced, type Logger } from "@confab/runtime";
import { searchBackendOf, SearchUnavailable } from "@confab/search";
import type { Dependencies } from "./dependencies.ts";
import { createJobCounters } from "./job-counters.ts";
import { startGauges } from "./gauges.ts";
import { createIndexMessages } from "./handlers/index-messages.ts";
import { createStoreBatches } from "./handlers/store-batches.ts";
import { createStoreMetrics } from "./handlers/store-metrics.ts";
import { createRecentRanges } from "./schedules/recent-ranges.ts";
import { startSchedules } from "./schedules/start-schedules.ts";
import { createWatchedConsumer, type WatchedConsumer } from "./watched-consumer.ts";

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
  const batchStore = createBatchStore(database);
  const stores = backlogs.map((backlog, partition) =>
    createStoreBatches({
      partition,
      backlog: replicated(traced(tracer, "redis", "backlog", backlog), partition),
      // Its calls that store are spans of the handler.
      batchStore: { ...traced(tracer, "mysql", "batch-store", batchStore), store: batchStore.store },
      settings,
      sign: () => watched[partition]?.sign(),
      recent,
      chats: createChats(database),
      producer,
      shouldWait,
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
            handle: store.handle,
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
  const schedules = startSchedules(dependencies, {
    ...{ index, messages, outbox, recent },
    watchdogs: watched.map(({ check }) => check),
  });
  const gauges = startGauges(dependencies);

  return {
    async stop() {
      const read = gauges.stop();
      for (const store of stores) store.abandon();
      schedules.abandon();
      // Before the schedules: while other workers store, the outbox never becomes empty by itself.
      const indexed = index.stop();
      await schedules.stop();
      await Promise.all([read, indexed, indexing.stop(), ...watched.map((consumer) => consumer.stop())]);
    },
  };
}
