import { metricCatalogue } from "@confab/contracts";
import { assertMigrated, createDatabase, createMessages, createPoolGauges } from "@confab/database";
import { createBacklog, withScripts } from "@confab/intake";
import { connectForWork, createProducer, createRedisPing, whenReady } from "@confab/queue";
import { createHealth, createMetrics, showHealth, noTracer, type Tracer } from "@confab/runtime";
import { createSearchIndex } from "@confab/search";
import type { WorkerConfig } from "./config.ts";

export type Dependencies = Awaited<ReturnType<typeof connectDependencies>>;

/** Opens every connection; waits for Redis only, since the worker waits for the other stores as it goes. */
export async function connectDependencies(config: WorkerConfig, tracer: Tracer = noTracer) {
  const redis = withScripts(connectForWork(config.redis, "confab-worker"));
  // BullMQ waits for jobs on a connection that nothing else may use.
  const blocking = connectForWork(config.redis, "confab-worker-queue");
  try {
    await whenReady(redis, 10_000);
  } catch (error) {
    redis.disconnect();
    blocking.disconnect();
    throw error;
  }
  const database = createDatabase(config.database);
  const search = createSearchIndex({ ...config.search, scan: createMessages(database).newest });
  const producer = await createProducer({ connection: redis, ...config.partitioning });
  const backlogs = Array.from({ length: config.partitioning.partitions }, (_, partition) =>
    createBacklog(redis, config.partitioning, partition),
  );
  const { prefix, partitions } = config.partitioning;
  const ping = createRedisPing(redis, prefix, partitions);
  const health = createHealth({
    checks: { redis: ping.some, database: () => assertMigrated(database) },
    optionalChecks: { partitions: ping.every, search: () => search.ping() },
  });
  const metrics = createMetrics(metricCatalogue, "worker");
  metrics.gauge("confab_build_info").labels({ version: config.version }).set(1);
  showHealth(metrics.gauge("confab_dependency_up"), health);
  createPoolGauges(metrics, database);

  return {
    redis,
    blocking,
    database,
    search,
    producer,
    backlogs,
    health,
    tracer,
    metrics,
    async stop() {
      health.stop();
      await producer.stop();
      await Promise.all([database.close(), search.close()]);
      redis.disconnect();
      blocking.disconnect();
    },
  };
}
