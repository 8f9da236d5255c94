import type { metricCatalogue } from "@confab/metrics";

/** Metrics of the catalogue that no dashboard and no rule uses, each with the reason for its export. */
export const unusedMetrics: Partial<Record<keyof typeof metricCatalogue, string>> = {
  process_cpu_user_seconds_total: "prom-client computes process_cpu_seconds_total together with it",
  process_cpu_system_seconds_total: "The other part of process_cpu_seconds_total, for a closer look",
  nodejs_eventloop_lag_seconds: "prom-client computes the percentile together with it",
  nodejs_eventloop_lag_max_seconds: "The fault suite judges it: a percentile hides a single block",
};
