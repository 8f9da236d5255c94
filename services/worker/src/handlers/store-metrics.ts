import { Counter, Histogram, type Registry } from "prom-client";

export type StoreMetrics = ReturnType<typeof createStoreMetrics>;

/** What storing counts. */
export function createStoreMetrics(registry: Registry) {
  const registers = [registry];
  return {
    stored: new Counter({
      name: "confab_messages_stored_total",
      help: "Messages committed to the database",
      registers,
    }),
    renumbered: new Counter({
      name: "confab_messages_renumbered_total",
      help: "Messages whose number another one had, stored under a new number",
      registers,
    }),
    deadLettered: new Counter({
      name: "confab_messages_dead_lettered_total",
      help: "Messages that the database refused",
      registers,
    }),
    waits: new Counter({ name: "confab_store_waits_total", help: "Pauses because the database was away", registers }),
    rows: new Histogram({
      name: "confab_store_rows",
      help: "Messages in a transaction",
      buckets: [1, 4, 16, 64, 256, 1024, 4096],
      registers,
    }),
    duration: new Histogram({
      name: "confab_store_duration_seconds",
      help: "Time of a storing transaction",
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers,
    }),
  };
}
