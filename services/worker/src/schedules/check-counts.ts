import type { sampleCounts } from "@confab/database";
import type { MetricCatalogue } from "@confab/metrics";
import { shortToken, type Logger, type Metrics } from "@confab/runtime";

export interface CountsCheckOptions {
  readonly sample: () => ReturnType<typeof sampleCounts>;
  readonly metrics: Metrics<MetricCatalogue>;
  readonly logger: Logger;
}

/**
 * Creates a task that compares a few counts with COUNT(*), and counts and logs differences, which should never occur.
 */
export function createCountsCheck({ sample, metrics, logger }: CountsCheckOptions): () => Promise<void> {
  const checked = metrics.counter("confab_counts_checked_total");
  const wrong = metrics.counter("confab_counts_wrong_total");
  const kinds = ["chats_count", "messages_count"] as const;
  const series = Object.fromEntries(
    kinds.map((count) => [count, { checked: checked.labels({ count }), wrong: wrong.labels({ count }) }]),
  );
  return async () => {
    const result = await sample();
    for (const kind of kinds) {
      const differences = result.differences.filter((difference) => difference.kind === kind);
      series[kind]?.checked.inc(result.checked[kind]);
      series[kind]?.wrong.inc(differences.length);
      for (const { token, chat, counted, actual } of differences) {
        logger.error({ application: shortToken(token), chat, count: kind, counted, actual }, "a count is wrong");
      }
    }
  };
}
