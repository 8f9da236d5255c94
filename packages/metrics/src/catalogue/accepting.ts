import { acceptSeconds } from "../buckets.ts";
import type { MetricRow } from "../metric-row.ts";

const ingest = ["ingest"] as const;

/** Metrics of ingest about accepting messages. */
export const acceptingMetrics = {
  confab_messages_accepted_total: {
    type: "counter",
    help: "Messages that were numbered and made durable",
    services: ingest,
  },
  confab_messages_replayed_total: {
    type: "counter",
    help: "Messages that were sent again with their Idempotency-Key and got their first answer",
    services: ingest,
  },
  confab_messages_refused_total: {
    type: "counter",
    help: "Messages that were not accepted, by reason; each item of a batch request counts. validation-failed counts items of batch requests only",
    labels: {
      reason: [
        "application-not-found",
        "busy",
        "chat-not-found",
        "idempotency-conflict",
        "idempotency-keys-used-up",
        "sending-unavailable",
        "internal-error",
        "outcome-unknown",
        "overloaded",
        "rate-limited",
        "storage-unavailable",
        "validation-failed",
        "other",
      ],
    },
    services: ingest,
  },
  confab_top_application_messages_per_second: {
    type: "gauge",
    help: "Messages per second that this replica accepted from an application during the last 15 seconds or more, for the ten with the most",
    labels: {
      application: {
        atMost: 10,
        because: "The ten applications with the most messages, each by the first 8 characters of its token",
      },
    },
    services: ingest,
  },
  confab_top_application_keys_used_ratio: {
    type: "gauge",
    help: "Part of its limited idempotency keys, those without a time, that an application has used in one partition, as this replica last saw it in the last 5 minutes, for the ten with the most. Beyond 1 new ones are refused",
    labels: {
      application: {
        atMost: 10,
        because: "The ten applications that have used most, each by the first 8 characters of its token",
      },
    },
    services: ingest,
  },
  confab_accept_batch_size: {
    type: "histogram",
    help: "Messages per batch that is sent to Redis",
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    services: ingest,
  },
  confab_accept_wait_seconds: {
    type: "histogram",
    help: "Time that the first message of a batch waited until the batch was sent",
    unit: "seconds",
    buckets: acceptSeconds,
    services: ingest,
  },
  confab_accept_duration_seconds: {
    type: "histogram",
    help: "Time until Redis answered a batch: network, accept script and fsync",
    unit: "seconds",
    buckets: acceptSeconds,
    services: ingest,
  },
  confab_accept_batches_in_flight: {
    type: "gauge",
    help: "Batches that Redis has not answered yet",
    services: ingest,
  },
  confab_accept_messages_waiting: { type: "gauge", help: "Messages that wait for their batch", services: ingest },
  confab_chat_heads_loaded_total: {
    type: "counter",
    help: "Chat heads that were loaded from MySQL because Redis did not have them. new: the chat has no stored message yet. reseed: the head was lost, had expired, or was older than a restart of Redis",
    labels: { reason: ["new", "reseed"] },
    services: ingest,
  },
} as const satisfies Record<string, MetricRow>;
