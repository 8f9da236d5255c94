import type { MetricCatalogue } from "@confab/metrics";
import type { Metrics } from "@confab/runtime";

export type StoreMetrics = ReturnType<typeof createStoreMetrics>;

/** Creates the metrics of storing. */
export function createStoreMetrics(metrics: Metrics<MetricCatalogue>) {
  return {
    stored: metrics.counter("confab_messages_stored_total"),
    renumbered: metrics.counter("confab_messages_renumbered_total"),
    deadLettered: metrics.counter("confab_messages_dead_lettered_total"),
    erased: metrics.counter("confab_messages_erased_total"),
    batchesLost: metrics.counter("confab_batches_lost_total"),
    batchesNewer: metrics.counter("confab_batches_newer_total"),
    waits: metrics.counter("confab_store_retries_total"),
    rows: metrics.histogram("confab_store_batch_messages"),
    duration: metrics.histogram("confab_store_duration_seconds"),
    age: metrics.histogram("confab_accepted_to_stored_seconds"),
  };
}
