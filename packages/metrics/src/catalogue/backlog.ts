import type { MetricRow } from "../metric-row.ts";
import { redisReaders } from "../readers.ts";

export const queue = ["messages", "search"] as const;

/** Metrics about the accepted messages and the jobs in Redis. */
export const backlogMetrics = {
  confab_messages_pending: {
    type: "gauge",
    help: "Messages that are accepted and not stored yet",
    services: redisReaders,
    shared: true,
  },
  confab_pending_fullest_partition_messages: {
    type: "gauge",
    help: "Pending messages of the partition that has the most",
    services: redisReaders,
    shared: true,
  },
  confab_pending_partition_limit_messages: {
    type: "gauge",
    help: "MAX_PENDING: with so many pending messages in a partition, ingest refuses further ones for it",
    services: ["ingest"],
    shared: true,
  },
  confab_pending_oldest_age_seconds: {
    type: "gauge",
    help: "Age of the oldest batch that is not stored; 0 when all are stored",
    unit: "seconds",
    services: redisReaders,
    shared: true,
  },
  confab_queue_jobs: {
    type: "gauge",
    help: "Jobs in each queue, by state",
    labels: { queue, state: ["waiting", "active", "delayed", "failed"] },
    services: redisReaders,
    shared: true,
  },
  confab_queue_oldest_job_age_seconds: {
    type: "gauge",
    help: "Age of the oldest job that has not ended; 0 when there is none",
    unit: "seconds",
    labels: { queue },
    services: redisReaders,
    shared: true,
  },
} as const satisfies Record<string, MetricRow>;
