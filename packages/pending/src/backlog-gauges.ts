import type { MetricCatalogue } from "@confab/metrics";
import { createSnapshot, withTimeout, type ShareSnapshot } from "@confab/async";
import type { Metrics } from "@confab/runtime";
import type { Backlog } from "./backlog.ts";

/** Maximum time in ms to wait for one partition, so that a silent one does not delay the others. */
const answerMs = 1_000;

/**
 * Exports how many messages are pending and for how long. One process reads the values for all processes. Returns the
 * refresh function, which must be called every `intervalMs`. The gauges leave out partitions that do not answer, and
 * have no values if none does.
 */
export function createBacklogGauges(
  metrics: Metrics<MetricCatalogue>,
  backlogs: readonly Pick<Backlog, "depth">[],
  { intervalMs, share }: { intervalMs: number; share: ShareSnapshot },
): () => Promise<void> {
  const late = (): Error => new Error(`the partition did not answer within ${answerMs} ms`);
  const read = share("backlog", intervalMs, async () => {
    const depths = await Promise.allSettled(backlogs.map((backlog) => withTimeout(backlog.depth(), answerMs, late)));
    const known = depths.flatMap((depth) => (depth.status === "fulfilled" ? [depth.value] : []));
    if (known.length === 0) throw new Error("no partition answers", { cause: depths.map(reasonOf)[0] });
    const pending = known.map((depth) => depth.pending);
    return {
      pending: pending.reduce((sum, value) => sum + value),
      fullest: Math.max(...pending),
      oldestSeconds: Math.max(...known.map(({ oldestAgeMs = 0 }) => oldestAgeMs / 1000)),
    };
  });
  const snapshot = createSnapshot(read, intervalMs);

  metrics.gauge("confab_messages_pending").onScrape(() => snapshot.current()?.pending);
  metrics.gauge("confab_pending_fullest_partition_messages").onScrape(() => snapshot.current()?.fullest);
  metrics.gauge("confab_pending_oldest_age_seconds").onScrape(() => snapshot.current()?.oldestSeconds);
  metrics.gauge("confab_snapshot_age_seconds").labels({ snapshot: "backlog" }).onScrape(snapshot.ageSeconds);
  return snapshot.refresh;
}

function reasonOf(result: PromiseSettledResult<unknown>): unknown {
  return result.status === "rejected" ? result.reason : undefined;
}
