import type { StoredRange } from "@confab/database";
import type { MetricCatalogue } from "@confab/metrics";
import type { Metrics } from "@confab/runtime";
import type { RejectedDocument, SearchDocument } from "@confab/search";

/** Creates the metrics of indexing. */
export function createIndexMetrics(metrics: Metrics<MetricCatalogue>) {
  const sinceStored = metrics.histogram("confab_stored_to_searchable_seconds");
  const sinceAccepted = metrics.histogram("confab_accepted_to_searchable_seconds");
  return {
    indexed: metrics.counter("confab_messages_indexed_total"),
    rejected: metrics.counter("confab_messages_index_refused_total"),
    recreated: metrics.counter("confab_index_recreated_total"),
    size: metrics.histogram("confab_index_batch_size"),
    duration: metrics.histogram("confab_index_duration_seconds"),
    drain: metrics.histogram("confab_index_drain_duration_seconds"),
    away: metrics.gauge("confab_indexing_paused"),
    /** Observes how long the indexed messages took to reach the index. Refused messages never reach it. */
    arrived(
      ranges: readonly StoredRange[],
      documents: readonly SearchDocument[],
      rejected: readonly RejectedDocument[],
    ): void {
      const now = Date.now();
      for (const { chatId, from, to, storedAt } of ranges) {
        const isWithin = (one: RejectedDocument) => one.chatId === chatId && one.number >= from && one.number <= to;
        const count = to - from + 1 - rejected.filter(isWithin).length;
        sinceStored.observe((now - storedAt.getTime()) / 1000, count);
      }
      const refused = new Set(rejected.map(({ chatId, number }) => `${chatId}:${number}`));
      // Messages of one batch have the same time, so they share one observation.
      const times = new Map<number, number>();
      for (const { chatId, number, updatedAt } of documents) {
        if (refused.size > 0 && refused.has(`${chatId}:${number}`)) continue;
        times.set(updatedAt.getTime(), (times.get(updatedAt.getTime()) ?? 0) + 1);
      }
      for (const [time, count] of times) sinceAccepted.observe((now - time) / 1000, count);
    },
  };
}
