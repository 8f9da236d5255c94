import type { Backlog } from "@confab/intake";
import type { Producer } from "@confab/queue";
import type { Logger } from "@confab/runtime";
import { Counter, Gauge, type Registry } from "prom-client";

export interface SweepOptions {
  backlogs: readonly Pick<Backlog, "overdue" | "depth">[];
  producer: Pick<Producer, "wakeBatches">;
  overdueMs: number;
  registry: Registry;
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
  registry,
  logger,
}: SweepOptions): (() => Promise<void>)[] {
  const registers = [registry];
  const woken = new Counter({
    name: "confab_batches_overdue_total",
    help: "Overdue batches that were woken again",
    registers,
  });
  const pending = new Gauge({
    name: "confab_messages_pending",
    help: "Messages accepted and not yet stored",
    registers,
  });
  const oldest = new Gauge({
    name: "confab_oldest_pending_seconds",
    help: "Age of the oldest batch that is not stored",
    registers,
  });

  const depths: Awaited<ReturnType<Backlog["depth"]>>[] = [];
  function show(): void {
    const known = Object.values(depths);
    pending.set(known.reduce((total, depth) => total + depth.pending, 0));
    const since = known
      .flatMap((depth) => depth.oldest ?? [])
      .reduce((first, date) => Math.min(first, date.getTime()), Infinity);
    oldest.set(Number.isFinite(since) ? Math.max(0, (Date.now() - since) / 1000) : 0);
  }

  return backlogs.map((backlog, partition) => async () => {
    depths[partition] = await backlog.depth();
    show();
    const ids = await backlog.overdue(new Date(Date.now() - overdueMs), mostAtOnce);
    if (ids.length === 0) return;
    await producer.wakeBatches(partition, ids);
    woken.inc(ids.length);
    logger.debug({ partition, batches: ids.length }, "overdue batches woken");
  });
}
