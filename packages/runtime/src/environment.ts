import { z } from "zod";
import { durationMs, integer, port, secret, url } from "./config-leaves.ts";

const storeUrl = (schemes: readonly string[]) => url({ schemes }).meta({ secret: true });

/** The variables that several processes share: each service's config.ts takes those that it needs. */
export const environment = {
  LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
    .default("info")
    .describe("The least severe log lines that are written"),
  ADMIN_PORT: port().describe("Port of /livez, /readyz and /metrics; not for clients"),
  PUBLIC_URL: url({ schemes: ["http", "https"] })
    .default("http://localhost:8080")
    .describe("Where clients reach Confab: the base of problem types and of the API's description"),
  SHUTDOWN_TIMEOUT: durationMs({ min: 100 })
    .default(25_000)
    .describe("How long a shutdown may take before the process ends hard"),
  DRAIN_TIME: durationMs()
    .default(0)
    .describe("How long to go on serving after readiness turned 503, for load balancers to notice"),
  REDIS_URL: storeUrl(["redis", "rediss"]).describe("Redis: numbering, pending messages and queues"),
  DATABASE_URL: storeUrl(["mysql", "mariadb"]).describe("MySQL or MariaDB, with user, password and database"),
  DATABASE_POOL: integer({ min: 1, max: 500 }).default(10).describe("Most database sessions of this process"),
  KEY_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .default("confab")
    .meta({ form: "1 to 64 letters, digits, '.', '_' or '-'" })
    .describe("What every Redis key begins with; the same in all processes"),
  PARTITIONS: integer({ min: 1, max: 1024 })
    .default(1)
    .describe("Hash tags that chats are spread over; the same in all processes, fixed for the life of the data"),
  RATE_LIMITS: z
    .stringbool({ truthy: ["on", "true", "yes", "1"], falsy: ["off", "false", "no", "0"] })
    .default(true)
    .meta({ form: "on or off" })
    .describe("Whether the limits per application apply"),
  SEARCH_BACKEND: z
    .enum(["elasticsearch", "mysql"])
    .default("elasticsearch")
    .describe("What searches: Elasticsearch, or MySQL for small data"),
  ELASTICSEARCH_URL: z
    .string()
    .refine((text) => text.split(",").every((part) => /^https?:\/\//.test(part) && URL.canParse(part)))
    .meta({ secret: true, form: "one or several http:// or https:// URLs, separated by commas" })
    .optional()
    .describe("Elasticsearch; needed with SEARCH_BACKEND=elasticsearch"),
  SEARCH_INDEX: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,127}$/)
    .default("confab-messages")
    .meta({ form: "lower case letters, digits, '.', '_' or '-'" })
    .describe("The name of the search index's alias"),
  ADMIN_API_KEY: secret({ minLength: 8 })
    .optional()
    .describe("Guards creating and listing applications; unset, anybody may"),
};

/** A check across fields for schemas that have both search variables. */
export function requireSearchUrl(
  config: { SEARCH_BACKEND: string; ELASTICSEARCH_URL?: string | undefined },
  context: z.core.$RefinementCtx,
): void {
  if (config.SEARCH_BACKEND === "elasticsearch" && config.ELASTICSEARCH_URL === undefined) {
    context.addIssue({
      code: "custom",
      path: ["ELASTICSEARCH_URL"],
      message: "is not set; give Elasticsearch's URL, or set SEARCH_BACKEND=mysql to search without it",
    });
  }
}
