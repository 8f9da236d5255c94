import type { WorkerConfig } from "@confab/config";
import { createDatabaseGauges } from "@confab/database";
import { createBacklogGauges } from "@confab/pending";
import { createQueueGauges } from "@confab/queue";
import { createRedisGauges, createSnapshotSharing } from "@confab/redis";
import { repeat } from "@confab/async";
import type { Logger } from "@confab/runtime";
import type { Dependencies } from "./dependencies.ts";

/** Interval in ms between reads of Redis for its gauges. */
const redisSnapshotMs = 2_000;
const databaseSnapshotMs = 10_000;

/** Reads the stores for their gauges at regular intervals. One worker reads a snapshot that all workers share. */
export function startGauges({
  redis,
  database,
  backlogs,
  metrics,
  config,
  logger,
}: Dependencies & { config: WorkerConfig; logger: Logger }) {
  const share = createSnapshotSharing(redis, { prefix: config.partitioning.prefix, version: config.version });
  const queueGauges = createQueueGauges(metrics, {
    connection: redis,
    ...config.partitioning,
    intervalMs: redisSnapshotMs,
    share,
  });
  const refreshing = [
    ...[
      queueGauges.refresh,
      createRedisGauges(metrics, redis, { intervalMs: redisSnapshotMs, share }),
      createBacklogGauges(metrics, backlogs, { intervalMs: redisSnapshotMs, share }),
    ].map((refresh) => repeat(redisSnapshotMs, "reading Redis for its gauges", refresh, logger)),
    repeat(
      databaseSnapshotMs,
      "reading the database for its gauges",
      createDatabaseGauges(metrics, database, { intervalMs: databaseSnapshotMs, share }),
      logger,
    ),
  ];

  return {
    /** Does not wait for a read in progress, which may hang on a server that does not answer. */
    async stop(): Promise<void> {
      for (const schedule of refreshing) void schedule.stop();
      await queueGauges.stop();
    },
  };
}
