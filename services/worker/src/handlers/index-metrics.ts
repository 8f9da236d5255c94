import type { MetricCatalogue } from "@confab/contracts";
import type { StoredRange } from "@confab/database";
import type { Metrics } from "@confab/runtime";
import type { SearchDocument } from "@confab/search";

/** What indexing counts. */
export function createIndexMetrics(metrics: Metrics<MetricCatalogue>) {
  const sinceStored = metrics.histogram("confab_stored_to_searchable_seconds");
  const sinceAccepted = metrics.histogram("confab_accepted_to_searchable_seconds");
  return {
    indexed: metrics.counter("confab_messages_indexed_total"),
    rejected: metrics.counter("confab_messages_unindexable_total"),
    size: metrics.histogram("confab_index_batch_size"),
    duration: metrics.histogram("confab_index_duration_seconds"),
    drain: metrics.histogram("confab_index_drain_duration_seconds"),
    away: metrics.gauge("confab_search_away"),
    /** How long messages that the index has now were on their way. */
    arrived(ranges: readonly StoredRange[], documents: readonly SearchDocument[]): void {
      const now = Date.now();
      for (const { from, to, storedAt } of ranges)
        sinceStored.observe((now - storedAt.getTime()) / 1000, to - from + 1);
      // Those of one batch have one time: one observation for them all.
      const times = new Map<number, number>();
      for (const { updatedAt } of documents) times.set(updatedAt.getTime(), (times.get(updatedAt.getTime()) ?? 0) + 1);
      for (const [time, count] of times) sinceAccepted.observe((now - time) / 1000, count);
    },
  };
}
