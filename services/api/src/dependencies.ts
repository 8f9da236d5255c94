import { createAccess } from "@confab/access";
import { repeat } from "@confab/async";
import type { ApiConfig } from "@confab/config";
import {
  createDatabase,
  createDatabaseGauges,
  createMigrationCheck,
  createOutbox,
  createPoolGauges,
  readDatabaseSettings,
} from "@confab/database";
import { clientAddress } from "@confab/http";
import { metricCatalogue } from "@confab/metrics";
import { createLiveSignals, createPendingErasure, createPendingMessages } from "@confab/pending";
import { connectForRequests, createRedisPing, createSnapshotSharing, readRedisSettings } from "@confab/redis";
import {
  createHealth,
  createMetrics,
  createStoreSettings,
  exportHealthGauges,
  exportSettingsGauge,
  noTracer,
  traced,
  type Logger,
  type Tracer,
} from "@confab/runtime";
import { createSearchIndex, searchBackendOf } from "@confab/search";
import { createReadMessages } from "./reading/read-messages.ts";
import { readReplicated } from "./replicated-pending.ts";
import { createRepositories } from "./repositories.ts";
import { createReindex } from "./searching/reindex.ts";
import { createEndStreams } from "./stream/end-streams.ts";
import { startStreaming } from "./stream/start-streaming.ts";

export type Dependencies = ReturnType<typeof connectDependencies>;

/** After this time nobody waits for a statement any more, and its session is replaced. */
const answerTimeoutMs = 5_000;
/** The timeout of Redis: a busy one answers within it, and a page does without one that does not. */
const redisTimeoutMs = 1_000;
/** Less than half of that, since a request may have to wait for the WAIT before its own. */
const replicasMs = 400;
/** Interval of reading the database for its gauges. */
const snapshotMs = 10_000;

/** Opens all connections and waits for none; readiness reports when the database answers. */
export function connectDependencies(config: ApiConfig, logger: Logger, tracer: Tracer = noTracer) {
  const stores = openStores(config, logger);
  const { redis, database, settings, metrics } = stores;
  const { partitioning, userShare } = config;
  const { prefix } = partitioning;
  const repositories = createRepositories(database, settings, tracer);
  const { messages, keys } = repositories;
  const search = createSearchIndex({ ...config.search, messages });
  const pending = createPending(stores, config, tracer);
  const signals = createLiveSignals(redis, partitioning);
  const access = createAccess({ ...config.access, userShare, addressOf: clientAddress, keys, redis, prefix, logger });
  const readMessages = createReadMessages({ messages, pending });
  const streaming = startStreaming({
    repositories,
    pending,
    readMessages,
    signals,
    access,
    metrics,
    config,
    logger,
  });
  const health = createHealth({
    checks: { database: createMigrationCheck(database), settings: settings.check },
    optionalChecks: {
      redis: createRedisPing(redis, prefix, partitioning.partitions).every,
      search: () => search.ping(),
    },
    staysReady: true,
  });
  exportHealthGauges(metrics.gauge("confab_dependency_up"), health);
  const share = createSnapshotSharing(redis, { prefix, version: config.version });
  const refreshing = repeat(
    snapshotMs,
    "reading the database for its gauges",
    createDatabaseGauges(metrics, database, { intervalMs: snapshotMs, share }),
    logger,
  );

  return {
    ...repositories,
    ...streaming,
    redis,
    metrics,
    tracer,
    health,
    access,
    pending,
    pendingErasure: createPendingErasure(redis, partitioning),
    readMessages,
    signals,
    endStreams: createEndStreams(signals),
    search: traced(tracer, config.search.backend, "search", search),
    reindex: createReindex(createOutbox(database, { backend: searchBackendOf(config.search) }), logger),
    backend: { own: searchBackendOf(config.search), read: repositories.searchBackend.read },
    async stop() {
      health.stop();
      streaming.stop();
      signals.stop();
      await access.stop();
      void refreshing.stop();
      await Promise.all([database.close(), search.close()]);
      redis.disconnect();
    },
  };
}

function openStores(config: ApiConfig, logger: Logger) {
  const redis = connectForRequests(config.redis, "confab-api", { timeoutMs: redisTimeoutMs });
  // ioredis throws if nobody listens; readiness reports the error.
  redis.on("error", () => undefined);
  const database = createDatabase({ ...config.database, answerTimeoutMs });
  const { expected } = config;
  const settings = createStoreSettings({
    stores: {
      // The api writes nothing to Redis that a promise depends on.
      redis: { read: () => readRedisSettings(redis, expected.redis), weight: "shown" },
      database: { read: () => readDatabaseSettings(database, expected.database), weight: "needed" },
    },
    logger,
  });
  const metrics = createMetrics(metricCatalogue, "api");
  metrics.gauge("confab_build_info").labels({ version: config.version }).set(1);
  exportSettingsGauge(metrics.gauge("confab_store_settings_at_risk"), settings);
  createPoolGauges(metrics, database);
  return { redis, database, settings, metrics };
}

/** Reads pending messages; if replicas are required, only what enough of them have. */
function createPending({ redis }: Pick<ReturnType<typeof openStores>, "redis">, config: ApiConfig, tracer: Tracer) {
  const { partitioning, minReplicas: replicas } = config;
  const pending = traced(tracer, "redis", "pending", createPendingMessages(redis, partitioning));
  return replicas === 0 ? pending : readReplicated(pending, redis, partitioning, { replicas, timeoutMs: replicasMs });
}
