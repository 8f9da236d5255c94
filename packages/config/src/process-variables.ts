import { z } from "zod";
import { bytes, decimal, durationMs, integer, onOff, origins, port, secret, url } from "./leaves.ts";

/** Variables that several services share. */
export const processVariables = {
  LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
    .prefault("info")
    .describe("Minimum log level"),
  ACCESS_LOG_RATE: integer()
    .prefault("1000")
    .describe(
      "Maximum number of requests logged per second. Beyond it, only errors other than refusals for overload and requests of one second or more are logged",
    ),
  TRUST_TRACEPARENT: onOff()
    .prefault("off")
    .describe(
      "Whether the `traceparent` header of a request decides if the request is traced. Turn it on only behind a proxy that sets the header itself",
    ),
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]{1,253}$/)
    .prefault("0.0.0.0")
    .meta({ form: "an address or a host name" })
    .describe(
      "Address that PORT and ADMIN_PORT listen on. 0.0.0.0 is every IPv4 address, :: every address. With 127.0.0.1, ::1 or localhost, the api and ingest refuse a `Host` header with a name other than localhost and the host of PUBLIC_URL",
    ),
  ADMIN_PORT: port().describe("Port of /livez, /readyz and /metrics. Do not expose it to clients"),
  PUBLIC_URL: url({ schemes: ["http", "https"] })
    .prefault("http://localhost:8080")
    .describe("URL at which clients reach Confab. It is the base of problem types and of the API description"),
  SHUTDOWN_TIMEOUT: durationMs({ min: "100ms" })
    .prefault("25s")
    .describe("Maximum duration of a shutdown. After it the process exits with unfinished work"),
  SHUTDOWN_DRAIN_DELAY: durationMs()
    .prefault("0s")
    .describe("Time to keep serving after readiness has turned to 503, so that load balancers can react"),
  IDEMPOTENCY_TTL: durationMs({ min: "2s" })
    .prefault("1d")
    .describe(
      "Minimum time to remember an idempotency key of a message. The maximum is one and a half times as long for keys without a time, and twice as long for UUIDs of version 7. Ingest and the worker must have the same",
    ),
  DATABASE_POOL_SIZE: integer({ min: 1, max: 500 })
    .prefault("10")
    .describe("Maximum number of database connections per process"),
  REDIS_KEY_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .prefault("confab")
    .meta({ form: "1 to 64 letters, digits, '.', '_' or '-'" })
    .describe("Prefix of every Redis key. It must be the same in all processes"),
  PARTITIONS: integer({ min: 1, max: 1024 })
    .prefault("1")
    .describe(
      "Number of partitions that chats are spread over. It must be the same in all processes and cannot change later",
    ),
  RATE_LIMITS: onOff()
    .prefault("on")
    .describe("Whether the limits per application and, for streams, per client address apply"),
  USER_SHARE: decimal({ min: 0.001, max: 1 })
    .prefault("0.25")
    .describe(
      "Part of each limit of an application that one user with a user token may use. Keys and tokens of the application have no such limit. It must be the same in the api and ingest",
    ),
  MAX_REQUEST_BYTES: bytes({ min: "8MiB" })
    .prefault("32MiB")
    .describe("Maximum size of all unanswered requests of this process. Beyond it requests are answered 503"),
  TRUSTED_PROXIES: integer({ max: 10 })
    .prefault("0")
    .describe(
      "Number of reverse proxies in front of the api and ingest that add the address of their client to `X-Forwarded-For`. With 0 the header is ignored, and clients behind one proxy count as one address",
    ),
  REQUIRE_KEYS: onOff()
    .prefault("off")
    .describe(
      "Whether every route of an application requires a key with the right scope. If not, the token of the application opens everything in it. It must be the same in the api and ingest",
    ),
  CORS_ORIGINS: origins()
    .optional()
    .describe(
      "Origins of the web pages that may use the api and ingest from a browser (CORS). Without it there are none. It must be the same in the api and ingest",
    ),
  ADMIN_API_KEY: secret({ minLength: 16 })
    .optional()
    .describe(
      "The configured admin key, which opens everything. Without it, creating and listing applications and managing keys require an admin key only with REQUIRE_KEYS=on, and otherwise no key. It must be the same in the api and ingest",
    ),
};
