import type { WorkerConfig } from "@confab/config";
import {
  createDatabase,
  createMessages,
  createMigrationCheck,
  createPoolGauges,
  readDatabaseSettings,
} from "@confab/database";
import { createBacklog, withScripts } from "@confab/pending";
import { metricCatalogue } from "@confab/metrics";
import { createProducer } from "@confab/queue";
import { connectForConsumers, connectForWork, createRedisPing, readRedisSettings } from "@confab/redis";
import {
  createHealth,
  createLiveness,
  createMetrics,
  createStoreSettings,
  noTracer,
  exportHealthGauges,
  exportSettingsGauge,
  type Logger,
  type Tracer,
} from "@confab/runtime";
import { createSearchIndex } from "@confab/search";

/** Time in ms after which a silent session is replaced: more than the 10 s that a transaction may take. */
const answerTimeoutMs = 12_000;
/**
 * Time in ms that a transaction waits for a lock. It is short, because a transaction stores messages of many chats, and
 * one of them may be locked.
 */
const lockWaitMs = 1_000;
/**
 * Time in ms after which the connection is replaced and a bulk request is repeated: far more than a bulk request takes.
 */
const bulkTimeoutMs = 10_000;

type Stores = ReturnType<typeof openStores>;
export type Dependencies = Stores & Awaited<ReturnType<typeof connectDependencies>>;

/** Opens all connections without waiting for any. Readiness reports which stores answer. */
export function openStores(config: WorkerConfig, logger: Logger, tracer: Tracer = noTracer) {
  const redis = withScripts(connectForWork(config.redis, "confab-worker"));
  // BullMQ blocks on this connection, so nothing else may use it.
  const blocking = connectForConsumers(config.redis, "confab-worker-queue");
  // ioredis throws if there is no listener. Readiness reports the error.
  blocking.on("error", () => undefined);
  const database = createDatabase({ ...config.database, answerTimeoutMs, lockWaitMs });
  const search = createSearchIndex({ ...config.search, bulkTimeoutMs, messages: createMessages(database) });
  const { prefix, partitions } = config.partitioning;
  const ping = createRedisPing(redis, prefix, partitions);
  const { expected } = config;
  const settings = createStoreSettings({
    stores: {
      // If Redis may lose messages, they are safer in the database, so its settings do not stop the worker.
      redis: { read: () => readRedisSettings(redis, expected.redis), weight: "shown" },
      database: { read: () => readDatabaseSettings(database, expected.database), weight: "needed" },
    },
    logger,
  });
  const health = createHealth({
    checks: { redis: ping.some, database: createMigrationCheck(database), settings: settings.check },
    optionalChecks: { partitions: ping.every, search: () => search.ping() },
  });
  const liveness = createLiveness();
  const metrics = createMetrics(metricCatalogue, "worker");
  metrics.gauge("confab_build_info").labels({ version: config.version }).set(1);
  exportHealthGauges(metrics.gauge("confab_dependency_up"), health);
  exportSettingsGauge(metrics.gauge("confab_store_settings_at_risk"), settings);
  createPoolGauges(metrics, database);

  return {
    redis,
    blocking,
    database,
    search,
    settings,
    health,
    liveness,
    tracer,
    metrics,
    async stop() {
      health.stop();
      await Promise.all([database.close(), search.close()]);
      redis.disconnect();
      blocking.disconnect();
    },
  };
}

/** Connects everything else. Requires only that Redis answers; the worker waits for the other stores later. */
export async function connectDependencies(
  { redis, health }: Pick<Stores, "redis" | "health">,
  { partitioning }: Pick<WorkerConfig, "partitioning">,
) {
  // Refreshing now makes the process ready at once instead of after the next interval.
  void health.refresh();
  const producer = await createProducer({ connection: redis, ...partitioning });
  const backlogs = Array.from({ length: partitioning.partitions }, (_, partition) =>
    createBacklog(redis, partitioning, partition),
  );
  return { producer, backlogs, stop: () => producer.stop() };
}
