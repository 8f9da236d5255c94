import type { MetricCatalogue } from "@confab/metrics";
import { createSnapshot, type Metrics } from "@confab/runtime";
import type { Backlog } from "./backlog.ts";

/**
 * Exports how many messages are pending and for how long. Returns one refresh function per partition, to call every `intervalMs`. The gauges
 * leave out partitions that do not answer, and end when none does.
 */
export function createBacklogGauges(
  metrics: Metrics<MetricCatalogue>,
  backlogs: readonly Pick<Backlog, "depth">[],
  intervalMs: number,
): (() => Promise<void>)[] {
  const snapshots = backlogs.map((backlog) => createSnapshot(() => backlog.depth(), intervalMs));
  const known = () => snapshots.flatMap((snapshot) => snapshot.current() ?? []);
  const unlessEmpty = (values: number[], combine: (values: number[]) => number) =>
    values.length > 0 ? combine(values) : undefined;
  const pending = () => known().map((depth) => depth.pending);

  metrics
    .gauge("confab_messages_pending")
    .onScrape(() => unlessEmpty(pending(), (values) => values.reduce((sum, value) => sum + value)));
  metrics
    .gauge("confab_pending_fullest_partition_messages")
    .onScrape(() => unlessEmpty(pending(), (values) => Math.max(...values)));
  metrics.gauge("confab_pending_oldest_age_seconds").onScrape(() =>
    unlessEmpty(
      known().map(({ oldestAgeMs = 0 }) => oldestAgeMs / 1000),
      (values) => Math.max(...values),
    ),
  );
  metrics
    .gauge("confab_snapshot_age_seconds")
    .labels({ snapshot: "backlog" })
    .onScrape(() => Math.max(...snapshots.map((snapshot) => snapshot.ageSeconds())));
  return snapshots.map((snapshot) => snapshot.refresh);
}
