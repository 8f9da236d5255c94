import type { z } from "zod";
import manifest from "../package.json" with { type: "json" };
import { processVariables } from "./process-variables.ts";
import {
  databaseSettings,
  databaseVariables,
  expectedSettings,
  redisSettings,
  redisVariables,
} from "./store-variables.ts";

/** Confab's version, which all packages share. */
export const { version } = manifest;

const { LOG_LEVEL, HOST, ADMIN_PORT, SHUTDOWN_TIMEOUT, SHUTDOWN_DRAIN_DELAY } = processVariables;
const { DATABASE_POOL_SIZE, REDIS_KEY_PREFIX, PARTITIONS } = processVariables;

/** Variables that every service reads. */
export const commonVariables = {
  LOG_LEVEL,
  HOST,
  ADMIN_PORT,
  SHUTDOWN_TIMEOUT,
  SHUTDOWN_DRAIN_DELAY,
  ...redisVariables,
  ...databaseVariables,
  DATABASE_POOL_SIZE,
  REDIS_KEY_PREFIX,
  PARTITIONS,
};

/** Variables of the services that serve HTTP clients. */
export const httpVariables = {
  ACCESS_LOG_RATE: processVariables.ACCESS_LOG_RATE,
  TRUST_TRACEPARENT: processVariables.TRUST_TRACEPARENT,
  PUBLIC_URL: processVariables.PUBLIC_URL,
  CORS_ORIGINS: processVariables.CORS_ORIGINS,
  RATE_LIMITS: processVariables.RATE_LIMITS,
  USER_SHARE: processVariables.USER_SHARE,
  MAX_REQUEST_BYTES: processVariables.MAX_REQUEST_BYTES,
  TRUSTED_PROXIES: processVariables.TRUSTED_PROXIES,
  REQUIRE_KEYS: processVariables.REQUIRE_KEYS,
  ADMIN_API_KEY: processVariables.ADMIN_API_KEY,
};

type Variables<Shape extends z.ZodRawShape> = z.output<z.ZodObject<Shape>>;

/** Returns the settings that every service has. */
export function commonSettings(service: string, variables: Variables<typeof commonVariables>) {
  return {
    version,
    log: { level: variables.LOG_LEVEL, service, version },
    admin: { host: variables.HOST, port: variables.ADMIN_PORT },
    shutdown: { timeoutMs: variables.SHUTDOWN_TIMEOUT, drainMs: variables.SHUTDOWN_DRAIN_DELAY },
    redis: redisSettings(variables),
    minReplicas: variables.REDIS_MIN_REPLICAS,
    database: { ...databaseSettings(variables), poolSize: variables.DATABASE_POOL_SIZE },
    expected: expectedSettings(variables),
    partitioning: { prefix: variables.REDIS_KEY_PREFIX, partitions: variables.PARTITIONS },
  };
}

/**
 * Limit on wrong guesses of the configured admin key per client address. It equals the default limit of nginx and the
 * ingress on requests to admin paths.
 */
const guessesPerAddress = { perSecond: 5, burst: 50 };

/** Returns the settings of the services that serve HTTP clients. */
export function httpSettings(variables: Variables<typeof httpVariables> & { HOST: string; PORT: number }) {
  return {
    accessLogRate: variables.ACCESS_LOG_RATE,
    corsOrigins: variables.CORS_ORIGINS,
    userShare: variables.USER_SHARE,
    requestBytes: variables.MAX_REQUEST_BYTES,
    trustCallers: variables.TRUST_TRACEPARENT,
    trustedProxies: variables.TRUSTED_PROXIES,
    access: {
      required: variables.REQUIRE_KEYS,
      adminKey: variables.ADMIN_API_KEY,
      guesses: variables.RATE_LIMITS ? guessesPerAddress : undefined,
    },
    http: { host: variables.HOST, port: variables.PORT, publicUrl: variables.PUBLIC_URL },
  };
}
