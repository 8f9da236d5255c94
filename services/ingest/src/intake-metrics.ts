import type { BatchObservation } from "@confab/intake";
import { Counter, Histogram, type Registry } from "prom-client";

/** What accepting counts. */
export function createIntakeMetrics(registry: Registry): { observe: (batch: BatchObservation) => void } {
  const registers = [registry];
  const accepted = new Counter({
    name: "confab_messages_accepted_total",
    help: "Messages numbered and made durable",
    registers,
  });
  const size = new Histogram({
    name: "confab_accept_batch_size",
    help: "Messages in a batch sent to Redis",
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    registers,
  });
  const duration = new Histogram({
    name: "confab_accept_duration_seconds",
    help: "Time of a batch in Redis",
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
    registers,
  });
  return {
    observe: (batch) => {
      accepted.inc(batch.accepted);
      size.observe(batch.size);
      duration.observe(batch.durationMs / 1000);
    },
  };
}
