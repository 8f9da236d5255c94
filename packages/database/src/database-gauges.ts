import type { MetricCatalogue } from "@confab/metrics";
import { createSnapshot, type ShareSnapshot } from "@confab/async";
import type { Metrics } from "@confab/runtime";
import type { Database } from "./client.ts";
import { readStatistics } from "./statistics.ts";

/** Exports gauges of this process' connections to the database. */
export function createPoolGauges(metrics: Metrics<MetricCatalogue>, database: Pick<Database, "sessions">): void {
  const sessions = metrics.gauge("confab_database_pool_sessions");
  for (const state of ["used", "idle"] as const) sessions.labels({ state }).onScrape(() => database.sessions()[state]);
  metrics.gauge("confab_database_pool_limit").onScrape(() => database.sessions().limit);
  metrics.gauge("confab_database_pool_waiting").onScrape(() => database.sessions().waiting);
}

/**
 * Exports gauges for the search outbox, erasures, retention, dead letters and the server's connections. Returns the
 * refresh function, which must be called every `intervalMs`. The gauges have no values while the database does not
 * answer.
 */
export function createDatabaseGauges(
  metrics: Metrics<MetricCatalogue>,
  database: Database,
  { intervalMs, share }: { intervalMs: number; share: ShareSnapshot },
): () => Promise<void> {
  const readDatabase = async () => {
    const { oldest, oldestErasure, retention, ...statistics } = await readStatistics(database);
    // Computes the ages now, not at the scrape. Otherwise the age of a range would grow until the next read, even if
    // the range was indexed at once.
    return {
      ...statistics,
      oldestSeconds: ageSeconds(oldest),
      erasureSeconds: ageSeconds(oldestErasure),
      retention: retention && { ...retention, checkSeconds: ageSeconds(retention.checkedAt) },
    };
  };
  const read = share("database", intervalMs, readDatabase, { readsAlone: true });
  const snapshot = createSnapshot(read, intervalMs);

  metrics.gauge("confab_outbox_ranges").onScrape(() => snapshot.current()?.outbox);
  metrics.gauge("confab_outbox_oldest_age_seconds").onScrape(() => snapshot.current()?.oldestSeconds);
  metrics.gauge("confab_erasures_oldest_age_seconds").onScrape(() => snapshot.current()?.erasureSeconds);
  metrics.gauge("confab_retention_behind_seconds").onScrape(() => snapshot.current()?.retention?.behindSeconds);
  metrics.gauge("confab_retention_check_age_seconds").onScrape(() => snapshot.current()?.retention?.checkSeconds);
  metrics.gauge("confab_dead_letters").onScrape(() => snapshot.current()?.deadLetters);
  metrics.gauge("confab_database_connections").onScrape(() => snapshot.current()?.connections);
  metrics.gauge("confab_database_max_connections").onScrape(() => snapshot.current()?.maxConnections);
  metrics.gauge("confab_snapshot_age_seconds").labels({ snapshot: "database" }).onScrape(snapshot.ageSeconds);
  return snapshot.refresh;
}

function ageSeconds(time: Date | undefined): number {
  return time ? Math.max(0, (Date.now() - time.getTime()) / 1000) : 0;
}
