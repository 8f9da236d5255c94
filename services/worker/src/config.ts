import { environment, integer, parseEnv, durationMs, requireSearchUrl, type Environment } from "@confab/runtime";
import { z } from "zod";
import manifest from "../package.json" with { type: "json" };

/** The worker's variables. */
export const workerEnvironment = z.object({
  LOG_LEVEL: environment.LOG_LEVEL,
  ADMIN_PORT: environment.ADMIN_PORT.default(9083),
  SHUTDOWN_TIMEOUT: environment.SHUTDOWN_TIMEOUT,
  DRAIN_TIME: environment.DRAIN_TIME,
  REDIS_URL: environment.REDIS_URL,
  DATABASE_URL: environment.DATABASE_URL,
  DATABASE_POOL: environment.DATABASE_POOL,
  KEY_PREFIX: environment.KEY_PREFIX,
  PARTITIONS: environment.PARTITIONS,
  SEARCH_BACKEND: environment.SEARCH_BACKEND,
  ELASTICSEARCH_URL: environment.ELASTICSEARCH_URL,
  SEARCH_INDEX: environment.SEARCH_INDEX,
  BATCH_CONCURRENCY: integer({ min: 1, max: 1000 })
    .default(100)
    .describe("Batches taken from a partition's queue at once; they are stored together"),
  STORE_MAX_ROWS: integer({ min: 1, max: 10_000 }).default(1000).describe("Most messages stored in one transaction"),
  SWEEP_INTERVAL: durationMs({ min: 50 }).default(1000).describe("How often work is looked for whose wake-up was lost"),
  BATCH_OVERDUE: durationMs({ min: 50 })
    .default(5000)
    .describe("Age from which an accepted batch that is not stored is woken again"),
  FENCE_DAYS: integer({ min: 1, max: 365 }).default(7).describe("Days for which a stored batch's id is remembered"),
});

/** Throws a ConfigError that lists every problem. */
export function loadConfig(env: Environment) {
  const variables = parseEnv(workerEnvironment.superRefine(requireSearchUrl), env);
  return {
    version: manifest.version,
    log: { level: variables.LOG_LEVEL, service: "worker", version: manifest.version },
    admin: { port: variables.ADMIN_PORT },
    shutdown: { timeoutMs: variables.SHUTDOWN_TIMEOUT, drainMs: variables.DRAIN_TIME },
    redisUrl: variables.REDIS_URL,
    database: { url: variables.DATABASE_URL, poolSize: variables.DATABASE_POOL },
    partitioning: { prefix: variables.KEY_PREFIX, partitions: variables.PARTITIONS },
    search: {
      backend: variables.SEARCH_BACKEND,
      url: variables.ELASTICSEARCH_URL,
      name: variables.SEARCH_INDEX,
    },
    store: { concurrency: variables.BATCH_CONCURRENCY, maxRows: variables.STORE_MAX_ROWS },
    sweep: { intervalMs: variables.SWEEP_INTERVAL, overdueMs: variables.BATCH_OVERDUE },
    fenceDays: variables.FENCE_DAYS,
  };
}

export type WorkerConfig = ReturnType<typeof loadConfig>;
