import type { MetricCatalogue } from "@confab/contracts";
import type { Metrics } from "@confab/runtime";
import type { Database } from "./client.ts";
import { readStatistics } from "./statistics.ts";

/** Creates the gauges of this process' database sessions. */
export function createPoolGauges(metrics: Metrics<MetricCatalogue>, database: Pick<Database, "sessions">): void {
  const sessions = metrics.gauge("confab_database_pool_sessions");
  for (const state of ["used", "idle"] as const) sessions.labels({ state }).onScrape(() => database.sessions()[state]);
  metrics.gauge("confab_database_pool_limit").onScrape(() => database.sessions().limit);
  metrics.gauge("confab_database_pool_waiting").onScrape(() => database.sessions().waiting);
}

/**
 * Creates the gauges of the outbox, the dead letters and the server's connections, and returns the function that
 * updates them.
 */
export function createDatabaseGauges(metrics: Metrics<MetricCatalogue>, database: Database): () => Promise<void> {
  const ranges = metrics.gauge("confab_outbox_ranges");
  const deadLetters = metrics.gauge("confab_dead_letters");
  const connections = metrics.gauge("confab_database_connections");
  const maxConnections = metrics.gauge("confab_database_max_connections");
  const oldestSeconds = metrics.gauge("confab_outbox_oldest_age_seconds");

  return async () => {
    const statistics = await readStatistics(database);
    // The age at the time of this snapshot. Computed at scrape time it would keep growing until the next snapshot, even
    // if the range is indexed at once.
    oldestSeconds.set(statistics.oldest ? Math.max(0, (Date.now() - statistics.oldest.getTime()) / 1000) : 0);
    ranges.set(statistics.outbox);
    deadLetters.set(statistics.deadLetters);
    connections.set(statistics.connections);
    maxConnections.set(statistics.maxConnections);
  };
}
