import type { BatchObservation } from "@confab/pending";
import { metricCatalogue, type MetricCatalogue } from "@confab/metrics";
import { shortToken, type Metrics } from "@confab/runtime";
import { createRecentRatios } from "./recent-ratios.ts";
import { createTopApplications } from "./top-applications.ts";

/**
 * Creates the metrics of accepting. Every series is exported from the start, so that the first refusal counts as an
 * increase.
 */
export function createAcceptMetrics(metrics: Metrics<MetricCatalogue>) {
  const accepted = metrics.counter("confab_messages_accepted_total");
  const replayed = metrics.counter("confab_messages_replayed_total");
  const refused = metrics.counter("confab_messages_refused_total");
  for (const reason of metricCatalogue.confab_messages_refused_total.labels.reason) refused.labels({ reason });
  const size = metrics.histogram("confab_accept_batch_size");
  const wait = metrics.histogram("confab_accept_wait_seconds");
  const duration = metrics.histogram("confab_accept_duration_seconds");
  const loaded = metrics.counter("confab_chat_heads_loaded_total");
  const heads = { new: loaded.labels({ reason: "new" }), reseed: loaded.labels({ reason: "reseed" }) };
  const topApplications = createTopApplications({ kept: 100, shown: 10, leastMs: 15_000 });
  metrics.list("confab_top_application_messages_per_second", () =>
    topApplications
      .rates()
      .map(({ name, perSecond }) => ({ labels: { application: shortToken(name) }, value: perSecond })),
  );

  const keysUsed = createRecentRatios({ shown: 10, forMs: 300_000 });
  metrics.list("confab_top_application_keys_used_ratio", () =>
    keysUsed.highest().map(({ name, ratio }) => ({ labels: { application: shortToken(name) }, value: ratio })),
  );

  return {
    observe: (batch: BatchObservation): void => {
      accepted.inc(batch.accepted);
      if (batch.replayed > 0) replayed.inc(batch.replayed);
      size.observe(batch.size);
      wait.observe(batch.waitedMs / 1000);
      duration.observe(batch.durationMs / 1000);
    },
    /** Counts a chat head that was loaded from MySQL. */
    loaded: (chat: { lastNumber: number }): void => {
      heads[chat.lastNumber > 0 ? "reseed" : "new"].inc();
    },
    accepted: (token: string, messages: number): void => {
      topApplications.count(token, messages);
    },
    keysUsed: keysUsed.note,
    refused: (reason: string, messages = 1): void => {
      refused.labels({ reason }).inc(messages);
    },
    showLoad: (load: () => { inFlight: number; waiting: number }): void => {
      metrics.gauge("confab_accept_batches_in_flight").onScrape(() => load().inFlight);
      metrics.gauge("confab_accept_messages_waiting").onScrape(() => load().waiting);
    },
  };
}
