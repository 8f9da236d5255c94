import { z } from "zod";
import { commonSettings, commonVariables } from "./common.ts";
import { durationMs, integer } from "./leaves.ts";
import { parseEnv, type Environment } from "./parse-env.ts";
import { processVariables } from "./process-variables.ts";
import { checkingStores } from "./store-checks.ts";
import { searchSettings, searchVariables } from "./store-variables.ts";

/** Environment variables of the worker. */
export const workerVariables = z.object({
  ...commonVariables,
  ...searchVariables,
  ADMIN_PORT: processVariables.ADMIN_PORT.prefault("9083"),
  JOB_CONCURRENCY: integer({ min: 1, max: 1000 })
    .prefault("100")
    .describe("Maximum number of jobs taken from the queue of a partition at once. Their batches are stored together"),
  STORE_MAX_ROWS: integer({ min: 1, max: 10_000 })
    .prefault("2000")
    .describe("Maximum number of messages stored in one transaction"),
  SWEEP_INTERVAL: durationMs({ min: "50ms" })
    .prefault("1s")
    .describe("Interval of the sweep, which finds work whose job was lost"),
  BATCH_OVERDUE_AFTER: durationMs({ min: "50ms" })
    .prefault("5s")
    .describe("Age at which a batch that is still pending counts as overdue and is requeued"),
  CONSUMER_STALL_TIMEOUT: durationMs({ min: "100ms" })
    .prefault("15s")
    .describe(
      "Maximum time that batches may wait while the worker takes none. Then it replaces its connections to the queue",
    ),
  INDEX_RECONCILE_INTERVAL: durationMs({ min: "50ms" })
    .prefault("10s")
    .describe(
      "Interval of the reconciliation, which compares a few chats with the search index and indexes what is missing",
    ),
  ERASURE_ROWS_PER_SECOND: integer({ min: 1, max: 1_000_000 })
    .prefault("5000")
    .describe(
      "Maximum number of rows and documents per second that a worker deletes of deleted chats and applications, and of messages per second that are over their limit",
    ),
  ERASURE_SETTLE_TIME: durationMs({ min: "50ms" })
    .prefault("2m")
    .describe(
      "Time after which a worker looks again for remains of a deleted chat, which transactions or bulk requests under way may have left",
    ),
  RETENTION_INTERVAL: durationMs({ min: "50ms" })
    .prefault("10m")
    .describe("Interval at which a worker deletes the messages that are older than the limit of their chat"),
  IDEMPOTENCY_TTL: processVariables.IDEMPOTENCY_TTL,
  BATCH_ID_RETENTION: durationMs({ min: "1h" })
    .prefault("7d")
    .describe("Time to keep the id of a stored batch. Until then a second delivery of the batch stores nothing twice"),
});

/** Loads the worker's configuration. Throws a ConfigError that lists every problem. */
export function loadWorkerConfig(env: Environment) {
  const variables = parseEnv(checkingStores(workerVariables), env);
  return {
    ...commonSettings("worker", variables),
    search: searchSettings(variables),
    store: { concurrency: variables.JOB_CONCURRENCY, maxRows: variables.STORE_MAX_ROWS },
    sweep: { intervalMs: variables.SWEEP_INTERVAL, overdueMs: variables.BATCH_OVERDUE_AFTER },
    consumerStallTimeoutMs: variables.CONSUMER_STALL_TIMEOUT,
    // Every stored message must reach the index within six runs.
    reconcile: { intervalMs: variables.INDEX_RECONCILE_INTERVAL, graceMs: 6 * variables.INDEX_RECONCILE_INTERVAL },
    erasure: { rowsPerSecond: variables.ERASURE_ROWS_PER_SECOND, settleMs: variables.ERASURE_SETTLE_TIME },
    retention: { intervalMs: variables.RETENTION_INTERVAL },
    idempotencyMs: variables.IDEMPOTENCY_TTL,
    batchIdRetentionMs: variables.BATCH_ID_RETENTION,
  };
}

export type WorkerConfig = ReturnType<typeof loadWorkerConfig>;
