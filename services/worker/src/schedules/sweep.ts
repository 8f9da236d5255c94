import type { MetricCatalogue } from "@confab/contracts";
import type { Backlog } from "@confab/intake";
import type { Producer } from "@confab/queue";
import type { Logger, Metrics } from "@confab/runtime";

export interface SweepOptions {
  backlogs: readonly Pick<Backlog, "overdue">[];
  producer: Pick<Producer, "wakeBatches">;
  overdueMs: number;
  metrics: Metrics<MetricCatalogue>;
  logger: Logger;
}

const mostAtOnce = 100;

/**
 * A look, for each partition by itself, for accepted batches whose wake-up was lost: each gets another. A batch whose job
 * still exists keeps its one.
 */
export function createSweeps({
  backlogs,
  producer,
  overdueMs,
  metrics,
  logger,
}: SweepOptions): (() => Promise<void>)[] {
  const woken = metrics.counter("confab_batches_overdue_total");

  return backlogs.map((backlog, partition) => async () => {
    const ids = await backlog.overdue(new Date(Date.now() - overdueMs), mostAtOnce);
    if (ids.length === 0) return;
    await producer.wakeBatches(partition, ids);
    woken.inc(ids.length);
    logger.debug({ partition, batches: ids.length }, "overdue batches woken");
  });
}
