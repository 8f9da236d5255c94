import type { metricCatalogue } from "@confab/contracts";

const lag = "The 99th percentile is shown; these are for a closer look";
const kinds = "For a closer look at one process";

/** Metrics of the catalogue that no dashboard and no rule needs, and why they are exported all the same. */
export const unusedMetrics: Partial<Record<keyof typeof metricCatalogue, string>> = {
  process_cpu_user_seconds_total: "process_cpu_seconds_total is both",
  process_cpu_system_seconds_total: "process_cpu_seconds_total is both",
  process_virtual_memory_bytes: "Says little about a process of V8",
  process_heap_bytes: "Says little about a process of V8",
  nodejs_eventloop_lag_seconds: lag,
  nodejs_eventloop_lag_min_seconds: lag,
  nodejs_eventloop_lag_max_seconds: lag,
  nodejs_eventloop_lag_mean_seconds: lag,
  nodejs_eventloop_lag_stddev_seconds: lag,
  nodejs_eventloop_lag_p50_seconds: lag,
  nodejs_eventloop_lag_p90_seconds: lag,
  nodejs_active_resources: kinds,
  nodejs_active_resources_total: kinds,
  nodejs_active_handles: kinds,
  nodejs_active_handles_total: kinds,
  nodejs_active_requests: kinds,
  nodejs_active_requests_total: kinds,
  nodejs_heap_space_size_total_bytes: kinds,
  nodejs_heap_space_size_used_bytes: kinds,
  nodejs_heap_space_size_available_bytes: kinds,
};
