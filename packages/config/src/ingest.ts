import { z } from "zod";
import { commonSettings, commonVariables, httpSettings, httpVariables } from "./common.ts";
import { decimal, durationMs, integer, port } from "./leaves.ts";
import { parseEnv, type Environment } from "./parse-env.ts";
import { processVariables } from "./process-variables.ts";
import { checkingStores } from "./store-checks.ts";

/** Environment variables of ingest. */
export const ingestVariables = z.object({
  ...commonVariables,
  ...httpVariables,
  PORT: port().prefault("8081").describe("Port of POST /messages and POST /messages/batch"),
  ADMIN_PORT: processVariables.ADMIN_PORT.prefault("9081"),
  APPLICATION_MESSAGE_RATE: integer({ min: 1 })
    .prefault("5000")
    .describe("Maximum number of messages per second and application"),
  APPLICATION_MESSAGE_BURST: integer({ min: 1 })
    .prefault("20000")
    .describe("Maximum number of messages that one application may send at once"),
  MAX_PENDING: integer({ min: 1 })
    .prefault("1000000")
    .describe("Maximum number of pending messages per partition. Beyond it messages are refused"),
  REDIS_MEMORY_LIMIT_RATIO: decimal({ min: 0.1, max: 0.95 })
    .prefault("0.6")
    .describe("Part of Redis' maxmemory that may be used. Beyond it messages are refused, which leaves room to drain"),
  IDEMPOTENCY_TTL: processVariables.IDEMPOTENCY_TTL,
  MAX_IDEMPOTENCY_KEYS: integer({ min: 1 })
    .prefault("1000000")
    .describe(
      "Maximum number of idempotency keys without a time per application and partition within IDEMPOTENCY_TTL. Half of them may be used at once. UUIDs of version 7 carry their time, and are not limited",
    ),
  ACCEPT_DEADLINE: durationMs({ min: "50ms" })
    .prefault("900ms")
    .describe("Maximum time that a message waits for Redis"),
});

/** Loads ingest's configuration. Throws a ConfigError that lists every problem. */
export function loadIngestConfig(env: Environment) {
  const variables = parseEnv(checkingStores(ingestVariables), env);
  return {
    ...commonSettings("ingest", variables),
    ...httpSettings(variables),
    limits: {
      maxPending: variables.MAX_PENDING,
      applicationMessageRate: variables.RATE_LIMITS ? variables.APPLICATION_MESSAGE_RATE : 0,
      applicationMessageBurst: variables.APPLICATION_MESSAGE_BURST,
      idempotencySeconds: Math.ceil(variables.IDEMPOTENCY_TTL / 1000),
      maxIdempotencyKeys: variables.MAX_IDEMPOTENCY_KEYS,
      userShare: variables.USER_SHARE,
    },
    maxMemory: variables.REDIS_MEMORY_LIMIT_RATIO,
    deadlineMs: variables.ACCEPT_DEADLINE,
  };
}

export type IngestConfig = ReturnType<typeof loadIngestConfig>;
