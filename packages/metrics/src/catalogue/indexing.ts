import { messageSeconds, storeSeconds } from "../buckets.ts";
import type { MetricRow } from "../metric-row.ts";
import { databaseReaders } from "../readers.ts";

const worker = ["worker"] as const;

/** Metrics of the worker about indexing and about the search outbox in MySQL. */
export const indexingMetrics = {
  confab_messages_indexed_total: {
    type: "counter",
    help: "Messages that were written to the search index",
    services: worker,
  },
  confab_messages_index_refused_total: {
    type: "counter",
    help: "Messages that the search index refused; no search finds them",
    services: worker,
  },
  confab_index_missing_total: {
    type: "counter",
    help: "Stored messages that the reconciliation found missing from the search index and put back into the outbox",
    services: worker,
  },
  confab_index_recreated_total: {
    type: "counter",
    help: "Times that a worker found no search index although messages had been indexed, and created an empty one",
    services: worker,
  },
  confab_index_batch_size: {
    type: "histogram",
    help: "Messages per bulk request to the search index",
    buckets: [1, 4, 16, 64, 256, 1024],
    services: worker,
  },
  confab_index_duration_seconds: {
    type: "histogram",
    help: "Duration of a bulk request to the search index",
    unit: "seconds",
    buckets: storeSeconds,
    services: worker,
  },
  confab_index_drain_duration_seconds: {
    type: "histogram",
    help: "Time to take ranges from the search outbox, read their messages and index them",
    unit: "seconds",
    buckets: storeSeconds,
    services: worker,
  },
  confab_stored_to_searchable_seconds: {
    type: "histogram",
    help: "Time from a message's commit in MySQL until the index confirmed it; searches find it at most a second later",
    unit: "seconds",
    buckets: messageSeconds,
    services: worker,
  },
  confab_accepted_to_searchable_seconds: {
    type: "histogram",
    help: "Time from a message's acceptance until the index confirmed it; searches find it at most a second later",
    unit: "seconds",
    buckets: messageSeconds,
    services: worker,
  },
  confab_indexing_paused: {
    type: "gauge",
    help: "1 while indexing waits because the search index or MySQL is unavailable",
    services: worker,
  },
  confab_outbox_ranges: {
    type: "gauge",
    help: "Ranges of messages that are not in the index yet; counted up to 100,000",
    services: databaseReaders,
    shared: true,
  },
  confab_outbox_oldest_age_seconds: {
    type: "gauge",
    help: "How long the oldest range has waited to be indexed; 0 when there is none",
    unit: "seconds",
    services: databaseReaders,
    shared: true,
  },
  confab_erasures_oldest_age_seconds: {
    type: "gauge",
    help: "Time since the oldest deletion that is not erased from every store yet; 0 when there is none",
    unit: "seconds",
    services: databaseReaders,
    shared: true,
  },
  confab_retention_behind_seconds: {
    type: "gauge",
    help: "By how much the oldest message that retention should have deleted exceeds its limit, when a worker last looked; 0 when there is none",
    unit: "seconds",
    services: databaseReaders,
    shared: true,
  },
  confab_retention_check_age_seconds: {
    type: "gauge",
    help: "Time since a worker last looked for messages that are over their limit",
    unit: "seconds",
    services: databaseReaders,
    shared: true,
  },
  confab_dead_letters: {
    type: "gauge",
    help: "Dead letters: messages that cannot be stored and that an operator must retry or drop; counted up to 100,000",
    services: databaseReaders,
    shared: true,
  },
} as const satisfies Record<string, MetricRow>;
