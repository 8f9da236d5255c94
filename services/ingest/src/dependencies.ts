import { createAccess } from "@confab/access";
import type { IngestConfig } from "@confab/config";
import { queues, createProducer, createQueueGauges } from "@confab/queue";
import {
  createApplications,
  createChats,
  createDatabase,
  createKeys,
  createNumberings,
  createMessageKeys,
  createPoolGauges,
  readDatabaseSettings,
} from "@confab/database";
import { clientAddress } from "@confab/http";
import {
  ChatsUnavailable,
  createBacklog,
  createBacklogGauges,
  createAcceptor,
  createPressureGauge,
  withScripts,
} from "@confab/pending";
import { metricCatalogue } from "@confab/metrics";
import {
  connectForRequests,
  createRedisGauges,
  createRedisPing,
  createSnapshotSharing,
  readRedisSettings,
} from "@confab/redis";
import { repeat, withMethodTimeouts, type Repository } from "@confab/async";
import {
  createHealth,
  createMetrics,
  createStoreSettings,
  noTracer,
  exportHealthGauges,
  exportSettingsGauge,
  messagingAttributes,
  startSharedSpan,
  traced,
  unlessRefused,
  type Logger,
  type Tracer,
} from "@confab/runtime";
import { createAcceptMetrics } from "./accept-metrics.ts";
import { acceptReplicated } from "./replicated-accept.ts";

type Stores = ReturnType<typeof openStores>;
export type Dependencies = Awaited<ReturnType<typeof connectDependencies>>;

/** Time in ms after which nobody waits for a statement any more and its session is replaced. */
const answerTimeoutMs = 5_000;
/** Interval in ms between reads of Redis for its gauges. */
const snapshotMs = 2_000;

/** Opens all connections without waiting for any. Readiness reports which stores answer. */
export function openStores(config: IngestConfig, logger: Logger) {
  const { prefix, partitions } = config.partitioning;
  const redis = withScripts(connectForRequests(config.redis, "confab-ingest", { deadlineMs: config.deadlineMs }));
  // ioredis throws if there is no listener. Requests and readiness report the error.
  redis.on("error", (error: Error) => {
    logger.debug({ err: error }, "Redis connection");
  });
  const database = createDatabase({ ...config.database, answerTimeoutMs, isPrismaUsed: config.access.required });
  const ping = createRedisPing(redis, prefix, partitions);
  const { expected } = config;
  const settings = createStoreSettings({
    stores: {
      redis: { read: () => readRedisSettings(redis, expected.redis), weight: "needed" },
      // Messages to known chats are accepted without the database, so its settings may be unknown, but not refused.
      database: { read: () => readDatabaseSettings(database, expected.database), weight: "heeded" },
    },
    logger,
  });
  const health = createHealth({
    checks: { redis: ping.some, settings: settings.check },
    optionalChecks: { partitions: ping.every, database: () => database.ping() },
    staysReady: true,
  });
  const metrics = createMetrics(metricCatalogue, "ingest");
  metrics.gauge("confab_build_info").labels({ version: config.version }).set(1);
  exportHealthGauges(metrics.gauge("confab_dependency_up"), health);
  exportSettingsGauge(metrics.gauge("confab_store_settings_at_risk"), settings);
  createPoolGauges(metrics, database);

  return {
    redis,
    database,
    settings,
    health,
    metrics,
    async stop() {
      health.stop();
      await database.close();
      redis.disconnect();
    },
  };
}

/**
 * Connects everything else. Requires only that Redis answers, because messages to known chats are accepted without the
 * database.
 */
export async function connectDependencies(
  { redis, database, settings, health, metrics }: Stores,
  config: IngestConfig,
  logger: Logger,
  tracer: Tracer = noTracer,
) {
  const { partitioning, minReplicas: replicas } = config;
  // This is shorter than the deadline, so that the answer is still in time.
  const replicasMs = Math.ceil(config.deadlineMs / 2);
  // Refreshing now makes the process ready at once instead of after the next interval.
  void health.refresh();
  // The settings are checked before the first message is accepted. Readiness and each message's answer report a refused
  // setting.
  await settings.check().catch(() => undefined);

  const withTimeouts = <T extends Repository<T>>(name: string, repository: T): T =>
    withMethodTimeouts(
      traced(tracer, "mysql", name, repository),
      config.deadlineMs,
      () => new ChatsUnavailable("MySQL is silent"),
    );
  const chats = withTimeouts("chats", createChats(database));
  const applications = withTimeouts("applications", createApplications(database));
  const numberings = withTimeouts("numberings", createNumberings(database));
  const keys = withTimeouts("keys", createKeys(database));
  const messageKeys = withTimeouts("message-keys", createMessageKeys(database));
  const access = createAccess({
    ...config.access,
    addressOf: clientAddress,
    keys,
    redis,
    prefix: partitioning.prefix,
    logger,
  });
  const producer = await createProducer({ connection: redis, ...partitioning });
  const share = createSnapshotSharing(redis, { prefix: partitioning.prefix, version: config.version });
  const pressure = createPressureGauge(redis, partitioning, { share, maxMemory: config.maxMemory });
  const counted = createAcceptMetrics(metrics);
  const backlogs = Array.from({ length: partitioning.partitions }, (_, partition) =>
    createBacklog(redis, partitioning, partition),
  );
  const acceptor = createAcceptor({
    partitioning,
    limits: config.limits,
    deadlineMs: config.deadlineMs,
    redis: replicas > 0 ? acceptReplicated(redis, { replicas, timeoutMs: replicasMs }) : redis,
    wake: async (partition, batchIds, traces) => {
      // The acceptor need not wait for this note: without it, a sweep merely adds a job that finds the batches already
      // stored.
      if (batchIds.length > 1) backlogs[partition]!.noteWokenTogether(batchIds).catch(() => undefined);
      await producer.wakeBatches(partition, batchIds, traces);
    },
    findApplications: (tokens) => applications.known(tokens),
    loadHead: async (token, chat) => {
      const found = await chats.locate(token, chat);
      if (found) counted.loaded(found);
      return found;
    },
    numberingOf: (incarnation) => numberings.ordinalOf(incarnation),
    findKeys: (ids) => messageKeys.find(ids),
    onKeysUsed: counted.keysUsed,
    traceBatch: ({ id, size, traces }) =>
      startSharedSpan(tracer, "accept", {
        kind: "producer",
        causes: traces,
        attributes: { ...messagingAttributes("send", "accept", queues.messages.name, size), "confab.batch": id },
      }),
    onBatch: counted.observe,
  });
  counted.showLoad(() => acceptor.load());
  metrics.gauge("confab_pending_partition_limit_messages").set(config.limits.maxPending);
  const shared = { intervalMs: snapshotMs, share };
  const queueGauges = createQueueGauges(metrics, { connection: redis, ...partitioning, ...shared });
  const refreshing = [
    queueGauges.refresh,
    createRedisGauges(metrics, redis, shared),
    createBacklogGauges(metrics, backlogs, shared),
  ].map((refresh) => repeat(snapshotMs, "reading Redis for its gauges", refresh, logger));

  return {
    access,
    acceptor: unlessRefused(acceptor, ["submitRuns"], settings),
    pressure,
    counted,
    health,
    metrics,
    tracer,
    async stop() {
      pressure.stop();
      // This does not wait, because a schedule may hang on a server that does not answer.
      for (const schedule of refreshing) void schedule.stop();
      await queueGauges.stop();
      await acceptor.stop();
      await access.stop();
      await producer.stop();
    },
  };
}
