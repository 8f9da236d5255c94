import {
  checkingStores,
  databaseEnvironment,
  databaseSettings,
  environment,
  expectedSettings,
  integer,
  parseEnv,
  port,
  redisEnvironment,
  redisSettings,
  searchEnvironment,
  searchSettings,
  type Environment,
} from "@confab/runtime";
import { z } from "zod";
import manifest from "../package.json" with { type: "json" };

/** The api's variables. */
export const apiEnvironment = z.object({
  LOG_LEVEL: environment.LOG_LEVEL,
  ACCESS_LOG_RATE: environment.ACCESS_LOG_RATE,
  TRUST_TRACEPARENT: environment.TRUST_TRACEPARENT,
  HOST: environment.HOST,
  PORT: port().default(8082).describe("Port of everything but the sending of messages"),
  ADMIN_PORT: environment.ADMIN_PORT.default(9082),
  PUBLIC_URL: environment.PUBLIC_URL,
  SHUTDOWN_TIMEOUT: environment.SHUTDOWN_TIMEOUT,
  SHUTDOWN_DRAIN_DELAY: environment.SHUTDOWN_DRAIN_DELAY,
  ...redisEnvironment,
  ...databaseEnvironment,
  DATABASE_POOL_SIZE: environment.DATABASE_POOL_SIZE,
  REDIS_KEY_PREFIX: environment.REDIS_KEY_PREFIX,
  PARTITIONS: environment.PARTITIONS,
  ...searchEnvironment,
  ADMIN_API_KEY: environment.ADMIN_API_KEY,
  RATE_LIMITS: environment.RATE_LIMITS,
  APPLICATION_REQUEST_RATE: integer({ min: 1 }).default(500).describe("Requests a second below one application's path"),
});

/** Throws a ConfigError that lists every problem. */
export function loadConfig(env: Environment) {
  const variables = parseEnv(checkingStores(apiEnvironment), env);
  return {
    version: manifest.version,
    log: { level: variables.LOG_LEVEL, service: "api", version: manifest.version },
    accessLogRate: variables.ACCESS_LOG_RATE,
    trustCallers: variables.TRUST_TRACEPARENT,
    http: { host: variables.HOST, port: variables.PORT, publicUrl: variables.PUBLIC_URL },
    admin: { host: variables.HOST, port: variables.ADMIN_PORT },
    shutdown: { timeoutMs: variables.SHUTDOWN_TIMEOUT, drainMs: variables.SHUTDOWN_DRAIN_DELAY },
    redis: redisSettings(variables),
    database: { ...databaseSettings(variables), poolSize: variables.DATABASE_POOL_SIZE },
    expected: expectedSettings(variables),
    partitioning: { prefix: variables.REDIS_KEY_PREFIX, partitions: variables.PARTITIONS },
    minReplicas: variables.REDIS_MIN_REPLICAS,
    search: searchSettings(variables),
    adminKey: variables.ADMIN_API_KEY,
    applicationRequestRate: variables.RATE_LIMITS ? variables.APPLICATION_REQUEST_RATE : undefined,
  };
}

export type ApiConfig = ReturnType<typeof loadConfig>;
