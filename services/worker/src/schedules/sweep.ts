import type { Backlog } from "@confab/pending";
import type { MetricCatalogue } from "@confab/metrics";
import type { Producer } from "@confab/queue";
import type { Logger, Metrics } from "@confab/runtime";

export interface SweepOptions {
  readonly backlogs: readonly Pick<Backlog, "overdue" | "wokenWith">[];
  readonly producer: Pick<Producer, "wakeForgotten">;
  readonly overdueMs: number;
  readonly metrics: Metrics<MetricCatalogue>;
  readonly logger: Logger;
}

/** Maximum number of batches per sweep, so that even a long backlog takes Redis only a millisecond. */
const pageSize = 1000;

/**
 * Creates one sweep per partition, which finds overdue batches without a job and requeues them. Each run reads the next
 * page of overdue batches. After the last page, the next run begins again with the oldest.
 */
export function createSweeps({
  backlogs,
  producer,
  overdueMs,
  metrics,
  logger,
}: SweepOptions): (() => Promise<void>)[] {
  const woken = metrics.counter("confab_batches_requeued_total");

  return backlogs.map((backlog, partition) => {
    let offset = 0;
    return async () => {
      const ids = await backlog.overdue(overdueMs, { offset, limit: pageSize });
      offset = ids.length < pageSize ? 0 : offset + pageSize;
      if (ids.length === 0) return;
      const forgotten = await producer.wakeForgotten(partition, await backlog.wokenWith(ids));
      if (forgotten === 0) return;
      woken.inc(forgotten);
      logger.debug({ partition, batches: forgotten }, "overdue batches requeued");
    };
  });
}
