import { metricCatalogue } from "@confab/contracts";
import {
  createDatabase,
  createMessages,
  createMigrationCheck,
  createPoolGauges,
  readDatabaseSettings,
} from "@confab/database";
import { createBacklog, withScripts } from "@confab/intake";
import { connectForConsumers, connectForWork, createProducer, createRedisPing, readRedisSettings } from "@confab/queue";
import {
  createHealth,
  createLiveness,
  createMetrics,
  createStoreSettings,
  noTracer,
  exportHealthGauges,
  type Logger,
  type Tracer,
} from "@confab/runtime";
import { createSearchIndex } from "@confab/search";
import type { WorkerConfig } from "./config.ts";

/** Above the 10 s that a transaction may take: a session that is silent for longer is replaced. */
const answerTimeoutMs = 12_000;
/** Far above what a bulk takes: the connection of one that takes longer is replaced, and the bulk repeated. */
const bulkTimeoutMs = 10_000;

type Stores = ReturnType<typeof openStores>;
export type Dependencies = Stores & Awaited<ReturnType<typeof connectDependencies>>;

/** Opens every connection and waits for none: readiness tells what is there. */
export function openStores(config: WorkerConfig, logger: Logger, tracer: Tracer = noTracer) {
  const redis = withScripts(connectForWork(config.redis, "confab-worker"));
  // BullMQ waits for jobs on a connection that nothing else may use.
  const blocking = connectForConsumers(config.redis, "confab-worker-queue");
  // ioredis throws where nobody listens; readiness tells of it.
  blocking.on("error", () => undefined);
  const database = createDatabase({ ...config.database, answerTimeoutMs });
  const search = createSearchIndex({ ...config.search, bulkTimeoutMs, scan: createMessages(database).newest });
  const { prefix, partitions } = config.partitioning;
  const ping = createRedisPing(redis, prefix, partitions);
  const { expected } = config;
  const settings = createStoreSettings({
    looks: {
      // What is in a Redis that may lose it is safer in the database.
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

/** Builds on a Redis that answers; the worker waits for the other stores as it goes. */
export async function connectDependencies(
  { redis, health }: Pick<Stores, "redis" | "health">,
  { partitioning }: Pick<WorkerConfig, "partitioning">,
) {
  // Ready now, not at the next round.
  void health.refresh();
  const producer = await createProducer({ connection: redis, ...partitioning });
  const backlogs = Array.from({ length: partitioning.partitions }, (_, partition) =>
    createBacklog(redis, partitioning, partition),
  );
  return { producer, backlogs, stop: () => producer.stop() };
}
