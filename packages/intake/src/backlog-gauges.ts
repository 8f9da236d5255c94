import type { MetricCatalogue } from "@confab/contracts";
import type { Metrics } from "@confab/runtime";
import type { Backlog } from "./backlog.ts";

/**
 * Creates the gauges of pending messages over all partitions, and returns one function per partition that updates them.
 */
export function createBacklogGauges(
  metrics: Metrics<MetricCatalogue>,
  backlogs: readonly Pick<Backlog, "depth">[],
): (() => Promise<void>)[] {
  const depths: Awaited<ReturnType<Backlog["depth"]>>[] = [];
  const known = () => Object.values(depths);
  metrics.gauge("confab_messages_pending").onScrape(() => known().reduce((total, { pending }) => total + pending, 0));
  metrics
    .gauge("confab_pending_oldest_age_seconds")
    .onScrape(() => known().reduce((age, { oldestAgeMs = 0 }) => Math.max(age, oldestAgeMs / 1000), 0));
  return backlogs.map((backlog, partition) => async () => {
    depths[partition] = await backlog.depth();
  });
}
