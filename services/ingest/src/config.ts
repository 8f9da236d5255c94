import {
  checkingStores,
  databaseEnvironment,
  databaseSettings,
  decimal,
  durationMs,
  environment,
  expectedSettings,
  integer,
  parseEnv,
  port,
  redisEnvironment,
  redisSettings,
  type Environment,
} from "@confab/runtime";
import { z } from "zod";
import manifest from "../package.json" with { type: "json" };

/** Ingest's variables. */
export const ingestEnvironment = z.object({
  LOG_LEVEL: environment.LOG_LEVEL,
  ACCESS_LOG_RATE: environment.ACCESS_LOG_RATE,
  TRUST_TRACEPARENT: environment.TRUST_TRACEPARENT,
  HOST: environment.HOST,
  PORT: port().default(8081).describe("Port of POST /messages and POST /messages/batch"),
  ADMIN_PORT: environment.ADMIN_PORT.default(9081),
  PUBLIC_URL: environment.PUBLIC_URL,
  SHUTDOWN_TIMEOUT: environment.SHUTDOWN_TIMEOUT,
  SHUTDOWN_DRAIN_DELAY: environment.SHUTDOWN_DRAIN_DELAY,
  ...redisEnvironment,
  ...databaseEnvironment,
  DATABASE_POOL_SIZE: environment.DATABASE_POOL_SIZE,
  REDIS_KEY_PREFIX: environment.REDIS_KEY_PREFIX,
  PARTITIONS: environment.PARTITIONS,
  RATE_LIMITS: environment.RATE_LIMITS,
  APPLICATION_MESSAGE_RATE: integer({ min: 1 }).default(5000).describe("Messages a second of one application"),
  APPLICATION_MESSAGE_BURST: integer({ min: 1 })
    .default(20_000)
    .describe("Messages that one application may send at once"),
  MAX_PENDING: integer({ min: 1 })
    .default(1_000_000)
    .describe("Pending messages of a partition from which further ones are refused"),
  REDIS_MEMORY_LIMIT_RATIO: decimal({ min: 0.1, max: 0.95 })
    .default(0.6)
    .describe("Part of Redis' maxmemory from which messages are refused, so that draining has room"),
  IDEMPOTENCY_TTL: durationMs({ min: 2000 })
    .default(86_400_000)
    .describe("How long idempotency keys are remembered at least; at most one and a half times as long"),
  MAX_IDEMPOTENCY_KEYS: integer({ min: 1 })
    .default(1_000_000)
    .describe("Idempotency keys that one application may use per partition in IDEMPOTENCY_TTL"),
  MAX_REQUEST_BYTES: integer({ min: 8 * 1024 * 1024 })
    .default(32 * 1024 * 1024)
    .describe("Bytes of all requests that are being read or wait for Redis in this process; beyond it 503"),
  ACCEPT_DEADLINE: durationMs({ min: 50 }).default(900).describe("How long a message waits for Redis"),
});

/** Throws a ConfigError that lists every problem. */
export function loadConfig(env: Environment) {
  const variables = parseEnv(checkingStores(ingestEnvironment), env);
  return {
    version: manifest.version,
    log: { level: variables.LOG_LEVEL, service: "ingest", version: manifest.version },
    accessLogRate: variables.ACCESS_LOG_RATE,
    trustCallers: variables.TRUST_TRACEPARENT,
    http: { host: variables.HOST, port: variables.PORT, publicUrl: variables.PUBLIC_URL },
    admin: { host: variables.HOST, port: variables.ADMIN_PORT },
    shutdown: { timeoutMs: variables.SHUTDOWN_TIMEOUT, drainMs: variables.SHUTDOWN_DRAIN_DELAY },
    redis: redisSettings(variables),
    minReplicas: variables.REDIS_MIN_REPLICAS,
    database: { ...databaseSettings(variables), poolSize: variables.DATABASE_POOL_SIZE },
    expected: expectedSettings(variables),
    partitioning: { prefix: variables.REDIS_KEY_PREFIX, partitions: variables.PARTITIONS },
    limits: {
      requestBytes: variables.MAX_REQUEST_BYTES,
      maxPending: variables.MAX_PENDING,
      applicationMessageRate: variables.RATE_LIMITS ? variables.APPLICATION_MESSAGE_RATE : 0,
      applicationMessageBurst: variables.APPLICATION_MESSAGE_BURST,
      idempotencySeconds: Math.ceil(variables.IDEMPOTENCY_TTL / 1000),
      maxIdempotencyKeys: Math.ceil(variables.MAX_IDEMPOTENCY_KEYS / 2),
    },
    maxMemory: variables.REDIS_MEMORY_LIMIT_RATIO,
    deadlineMs: variables.ACCEPT_DEADLINE,
  };
}

export type IngestConfig = ReturnType<typeof loadConfig>;
