import { z } from "zod";
import { durationMs, integer, onOff, port, secret, url } from "./config-leaves.ts";

/** The variables that several processes share: each service's config.ts takes those that it needs. */
export const environment = {
  LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
    .default("info")
    .describe("The least severe log lines that are written"),
  ACCESS_LOG_RATE: integer({ min: 0 })
    .default(1000)
    .describe("Requests logged a second; beyond it only errors and requests slower than a second are"),
  TRUST_TRACEPARENT: onOff()
    .default(false)
    .describe(
      "Whether a request's traceparent decides if it is traced; on only where something trusted sets the header",
    ),
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]{1,253}$/)
    .default("0.0.0.0")
    .meta({ form: "an address or a host's name" })
    .describe("Where PORT and ADMIN_PORT listen; 0.0.0.0 is every IPv4 address, :: every address"),
  ADMIN_PORT: port().describe("Port of /livez, /readyz and /metrics; not for clients"),
  PUBLIC_URL: url({ schemes: ["http", "https"] })
    .default("http://localhost:8080")
    .describe("Where clients reach Confab: the base of problem types and of the API's description"),
  SHUTDOWN_TIMEOUT: durationMs({ min: 100 })
    .default(25_000)
    .describe("How long a shutdown may take before the process ends hard"),
  SHUTDOWN_DRAIN_DELAY: durationMs()
    .default(0)
    .describe("How long to go on serving after readiness turned 503, for load balancers to notice"),
  DATABASE_POOL_SIZE: integer({ min: 1, max: 500 }).default(10).describe("Most database sessions of this process"),
  REDIS_KEY_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .default("confab")
    .meta({ form: "1 to 64 letters, digits, '.', '_' or '-'" })
    .describe("What every Redis key begins with; the same in all processes"),
  PARTITIONS: integer({ min: 1, max: 1024 })
    .default(1)
    .describe("Hash tags that chats are spread over; the same in all processes, fixed for the life of the data"),
  RATE_LIMITS: onOff().default(true).describe("Whether the limits per application apply"),
  ADMIN_API_KEY: secret({ minLength: 8 })
    .optional()
    .describe("Guards creating and listing applications; unset, anybody may"),
};
