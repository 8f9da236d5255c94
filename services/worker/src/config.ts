import {
  checkingStores,
  databaseEnvironment,
  databaseSettings,
  durationMs,
  environment,
  expectedSettings,
  integer,
  parseEnv,
  redisEnvironment,
  redisSettings,
  searchEnvironment,
  searchSettings,
  type Environment,
} from "@confab/runtime";
import { z } from "zod";
import manifest from "../package.json" with { type: "json" };

/** The worker's variables. */
export const workerEnvironment = z.object({
  LOG_LEVEL: environment.LOG_LEVEL,
  HOST: environment.HOST,
  ADMIN_PORT: environment.ADMIN_PORT.default(9083),
  SHUTDOWN_TIMEOUT: environment.SHUTDOWN_TIMEOUT,
  SHUTDOWN_DRAIN_DELAY: environment.SHUTDOWN_DRAIN_DELAY,
  ...redisEnvironment,
  ...databaseEnvironment,
  DATABASE_POOL_SIZE: environment.DATABASE_POOL_SIZE,
  REDIS_KEY_PREFIX: environment.REDIS_KEY_PREFIX,
  PARTITIONS: environment.PARTITIONS,
  ...searchEnvironment,
  BATCH_CONCURRENCY: integer({ min: 1, max: 1000 })
    .default(100)
    .describe("Batches taken from a partition's queue at once; they are stored together"),
  STORE_MAX_ROWS: integer({ min: 1, max: 10_000 }).default(1000).describe("Most messages stored in one transaction"),
  SWEEP_INTERVAL: durationMs({ min: 50 }).default(1000).describe("How often work is looked for whose wake-up was lost"),
  BATCH_OVERDUE_AFTER: durationMs({ min: 50 })
    .default(5000)
    .describe("Age from which an accepted batch that is not stored is woken again"),
  CONSUMER_STALL_TIMEOUT: durationMs({ min: 100 })
    .default(15_000)
    .describe("How long batches may wait while a worker takes none, before it replaces its connections to the queue"),
  INDEX_RECONCILE_INTERVAL: durationMs({ min: 50 })
    .default(10_000)
    .describe("How often a few chats are compared with the search index, to index again what it lacks"),
  BATCH_ID_RETENTION: durationMs({ min: 3_600_000 })
    .default(7 * 86_400_000)
    .describe("How long the id of a stored batch is kept, so that a second delivery stores nothing twice"),
});

/** Throws a ConfigError that lists every problem. */
export function loadConfig(env: Environment) {
  const variables = parseEnv(checkingStores(workerEnvironment), env);
  return {
    version: manifest.version,
    log: { level: variables.LOG_LEVEL, service: "worker", version: manifest.version },
    admin: { host: variables.HOST, port: variables.ADMIN_PORT },
    shutdown: { timeoutMs: variables.SHUTDOWN_TIMEOUT, drainMs: variables.SHUTDOWN_DRAIN_DELAY },
    redis: redisSettings(variables),
    minReplicas: variables.REDIS_MIN_REPLICAS,
    database: { ...databaseSettings(variables), poolSize: variables.DATABASE_POOL_SIZE },
    expected: expectedSettings(variables),
    partitioning: { prefix: variables.REDIS_KEY_PREFIX, partitions: variables.PARTITIONS },
    search: searchSettings(variables),
    store: { concurrency: variables.BATCH_CONCURRENCY, maxRows: variables.STORE_MAX_ROWS },
    sweep: { intervalMs: variables.SWEEP_INTERVAL, overdueMs: variables.BATCH_OVERDUE_AFTER },
    consumerStallTimeoutMs: variables.CONSUMER_STALL_TIMEOUT,
    // Six runs later what was stored must have reached the index.
    reconcile: { intervalMs: variables.INDEX_RECONCILE_INTERVAL, graceMs: 6 * variables.INDEX_RECONCILE_INTERVAL },
    batchIdRetentionMs: variables.BATCH_ID_RETENTION,
  };
}

export type WorkerConfig = ReturnType<typeof loadConfig>;
