import { messageSeconds, storeSeconds } from "../buckets.ts";
import type { MetricRow } from "../metric-row.ts";
import { queue } from "./backlog.ts";

const worker = ["worker"] as const;
const count = ["chats_count", "messages_count"] as const;

/** Metrics of the worker about storing messages. */
export const storingMetrics = {
  confab_jobs_total: {
    type: "counter",
    help: "Jobs, by outcome. failed: retried unless its payload is invalid. stalled: its worker died or hung, and another worker takes it",
    labels: { queue, outcome: ["completed", "failed", "stalled"] },
    services: worker,
  },
  confab_consumer_restarts_total: {
    type: "counter",
    help: "Times that a worker replaced its connections to the queue because jobs waited and it took none",
    services: worker,
  },
  confab_messages_stored_total: { type: "counter", help: "Messages that were committed to MySQL", services: worker },
  confab_messages_renumbered_total: {
    type: "counter",
    help: "Messages whose number is not the one in the answer: another message had that number, or an earlier message their idempotency key",
    services: worker,
  },
  confab_messages_dead_lettered_total: {
    type: "counter",
    help: "Messages that became dead letters: refused by MySQL, damaged, or without their chat",
    services: worker,
  },
  confab_messages_erased_total: {
    type: "counter",
    help: "Accepted messages that were dropped before they were stored, because their chat or application was deleted",
    services: worker,
  },
  confab_erasures_finished_total: {
    type: "counter",
    help: "Finished erasures: of chats, applications and senders",
    services: worker,
  },
  confab_messages_expired_total: {
    type: "counter",
    help: "Messages that retention deleted, because they were older than the limit of their chat or application",
    services: worker,
  },
  confab_store_batch_messages: {
    type: "histogram",
    help: "Messages per storing transaction",
    buckets: [1, 4, 16, 64, 256, 1024, 4096],
    services: worker,
  },
  confab_store_duration_seconds: {
    type: "histogram",
    help: "Duration of a storing transaction",
    unit: "seconds",
    buckets: storeSeconds,
    services: worker,
  },
  confab_store_retries_total: {
    type: "counter",
    help: "Backoffs of storing because MySQL or Redis was unavailable",
    services: worker,
  },
  confab_batches_lost_total: {
    type: "counter",
    help: "Accepted batches of which Redis lost messages before they were stored, for example by eviction",
    services: worker,
  },
  confab_batches_newer_total: {
    type: "counter",
    help: "Batches that a worker left open, because a newer version of Confab accepted them with something that this one does not know",
    services: worker,
  },
  confab_batches_requeued_total: {
    type: "counter",
    help: "Overdue batches that got a new job because theirs was lost or had failed",
    services: worker,
  },
  confab_accepted_to_stored_seconds: {
    type: "histogram",
    help: "Time from a message's acceptance to its commit in MySQL",
    unit: "seconds",
    buckets: messageSeconds,
    services: worker,
  },
  confab_counts_checked_total: {
    type: "counter",
    help: "Counts that were compared with the rows; a few random ones every five minutes",
    labels: { count },
    services: worker,
  },
  confab_counts_wrong_total: {
    type: "counter",
    help: "Counts that differed from the rows when they were compared",
    labels: { count },
    services: worker,
  },
} as const satisfies Record<string, MetricRow>;
