import { metricCatalogue, ProblemError } from "@confab/contracts";
import {
  createApplications,
  createChats,
  createDatabase,
  createDatabaseGauges,
  createMessages,
  createMigrationCheck,
  createPoolGauges,
  createSearchBackend,
  readDatabaseSettings,
} from "@confab/database";
import { createPendingMessages } from "@confab/intake";
import { connectForRequests, createRedisPing, readRedisSettings } from "@confab/queue";
import {
  createHealth,
  createMetrics,
  createStoreSettings,
  repeat,
  noTracer,
  exportHealthGauges,
  traced,
  unlessRefused,
  type Logger,
  type Tracer,
  withMethodTimeouts,
} from "@confab/runtime";
import { createSearchIndex, searchBackendOf } from "@confab/search";
import { readReplicated } from "./replicated-pending.ts";
import type { ApiConfig } from "./config.ts";

export type Dependencies = Awaited<ReturnType<typeof connectDependencies>>;

/** A database that refuses is noticed at once; one that is silent keeps no reader, and no writer, longer than this. */
const patienceMs = 2_000;
/** Nobody waits for a statement any more: its session is replaced. */
const answerTimeoutMs = 5_000;
/** A busy Redis answers within it; one that does not is done without. */
const redisPatienceMs = 1_000;
/** Less than half of that: whoever asks may wait for the question before theirs. */
const replicasMs = 400;
/** How old what the gauges tell of the database may be. */
const lookMs = 10_000;

/** Opens every connection and waits for none: readiness tells when the database is there. */
export function connectDependencies(config: ApiConfig, logger: Logger, tracer: Tracer = noTracer) {
  const redis = connectForRequests(config.redis, "confab-api", { patienceMs: redisPatienceMs });
  // ioredis throws where nobody listens; readiness tells of it.
  redis.on("error", () => undefined);
  const database = createDatabase({ ...config.database, answerTimeoutMs });
  const { expected } = config;
  const settings = createStoreSettings({
    looks: {
      // Nothing that is promised is written to it from here.
      redis: { read: () => readRedisSettings(redis, expected.redis), weight: "shown" },
      database: { read: () => readDatabaseSettings(database, expected.database), weight: "needed" },
    },
    logger,
  });
  const soon = <T extends object>(name: string, repository: T): T =>
    withMethodTimeouts(
      traced(tracer, "mysql", name, repository),
      patienceMs,
      () => new ProblemError("storage-unavailable"),
    );
  // What is written must not be given up by whoever waits for it alone: the repository withdraws it, or says that it cannot.
  const withWrites = <T extends object>(name: string, repository: T, writes: readonly (keyof T)[]): T => {
    const traceable = traced(tracer, "mysql", name, repository);
    const patient = Object.fromEntries(writes.map((write) => [write, traceable[write]]));
    return unlessRefused({ ...soon(name, repository), ...patient }, writes, settings);
  };
  const pending = traced(tracer, "redis", "pending", createPendingMessages(redis, config.partitioning));
  const { minReplicas: replicas } = config;
  const messages = soon("messages", createMessages(database));
  const search = createSearchIndex({ ...config.search, scan: messages.newest });
  const { prefix, partitions } = config.partitioning;
  const health = createHealth({
    checks: { database: createMigrationCheck(database), settings: settings.check },
    optionalChecks: { redis: createRedisPing(redis, prefix, partitions).every, search: () => search.ping() },
    staysReady: true,
  });
  const metrics = createMetrics(metricCatalogue, "api");
  metrics.gauge("confab_build_info").labels({ version: config.version }).set(1);
  exportHealthGauges(metrics.gauge("confab_dependency_up"), health);
  createPoolGauges(metrics, database);
  const look = repeat(lookMs, "look at the database", createDatabaseGauges(metrics, database));

  return {
    redis,
    applications: withWrites("applications", createApplications(database, { patienceMs }), ["create", "rename"]),
    chats: withWrites("chats", createChats(database, { patienceMs }), ["create", "rename"]),
    messages,
    pending:
      replicas === 0
        ? pending
        : readReplicated(pending, redis, config.partitioning, { replicas, timeoutMs: replicasMs }),
    search: traced(tracer, config.search.backend, "search", search),
    backend: { own: searchBackendOf(config.search), read: soon("search-backend", createSearchBackend(database)).read },
    health,
    metrics,
    tracer,
    async stop() {
      health.stop();
      void look.stop();
      await Promise.all([database.close(), search.close()]);
      redis.disconnect();
    },
  };
}
