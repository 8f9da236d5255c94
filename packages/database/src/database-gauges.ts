import type { MetricCatalogue } from "@confab/contracts";
import type { Metrics } from "@confab/runtime";
import type { Database } from "./client.ts";
import { readStatistics } from "./statistics.ts";

/** Shows this process' database sessions. */
export function createPoolGauges(metrics: Metrics<MetricCatalogue>, database: Pick<Database, "sessions">): void {
  const sessions = metrics.gauge("confab_database_pool_sessions");
  for (const state of ["used", "idle"] as const) sessions.labels({ state }).onScrape(() => database.sessions()[state]);
  metrics.gauge("confab_database_pool_limit").onScrape(() => database.sessions().limit);
  metrics.gauge("confab_database_pool_waiting").onScrape(() => database.sessions().waiting);
}

/** A look that shows what waits in the database, and how full of sessions it is. */
export function createDatabaseGauges(metrics: Metrics<MetricCatalogue>, database: Database): () => Promise<void> {
  const ranges = metrics.gauge("confab_outbox_ranges");
  const deadLetters = metrics.gauge("confab_dead_letters");
  const connections = metrics.gauge("confab_database_connections");
  const maxConnections = metrics.gauge("confab_database_max_connections");
  const oldestSeconds = metrics.gauge("confab_outbox_oldest_age_seconds");

  return async () => {
    const facts = await readStatistics(database);
    // As of this look: it would go on ageing until the next one though it is indexed at once.
    oldestSeconds.set(facts.oldest ? Math.max(0, (Date.now() - facts.oldest.getTime()) / 1000) : 0);
    ranges.set(facts.outbox);
    deadLetters.set(facts.deadLetters);
    connections.set(facts.connections);
    maxConnections.set(facts.maxConnections);
  };
}
