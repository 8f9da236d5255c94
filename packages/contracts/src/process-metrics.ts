import type { MetricRow } from "./metric-row.ts";

const everywhere = ["ingest", "api", "worker"] as const;
const gauge = { type: "gauge", services: everywhere } as const;
const seconds = { ...gauge, unit: "seconds" } as const;
const bytes = { ...gauge, unit: "bytes" } as const;
const kinds = { atMost: 40, because: "The kinds of resource that Node has" } as const;
const spaces = { atMost: 20, because: "The spaces of V8's heap" } as const;
const oneVersion = { atMost: 1, because: "A process runs on one version" } as const;

/** What prom-client measures of every process, under the names that common dashboards know. */
export const processMetrics = {
  process_cpu_user_seconds_total: {
    ...seconds,
    type: "counter",
    help: "Processor time of the process, outside the kernel",
  },
  process_cpu_system_seconds_total: {
    ...seconds,
    type: "counter",
    help: "Processor time of the process, in the kernel",
  },
  process_cpu_seconds_total: { ...seconds, type: "counter", help: "Processor time of the process" },
  process_start_time_seconds: { ...seconds, help: "When the process started, in seconds since 1970" },
  process_resident_memory_bytes: { ...bytes, help: "Memory of the process in RAM" },
  process_virtual_memory_bytes: { ...bytes, help: "Address space of the process" },
  process_heap_bytes: { ...bytes, help: "Data segment of the process" },
  process_open_fds: { ...gauge, help: "Open file descriptors, sockets included" },
  process_max_fds: { ...gauge, help: "Most file descriptors that the process may open" },
  nodejs_eventloop_lag_seconds: { ...seconds, help: "Event-loop lag at the time of the scrape" },
  nodejs_eventloop_lag_min_seconds: { ...seconds, help: "Least event-loop lag since the last scrape" },
  nodejs_eventloop_lag_max_seconds: { ...seconds, help: "Greatest event-loop lag since the last scrape" },
  nodejs_eventloop_lag_mean_seconds: { ...seconds, help: "Mean event-loop lag since the last scrape" },
  nodejs_eventloop_lag_stddev_seconds: { ...seconds, help: "Spread of the event-loop lag since the last scrape" },
  nodejs_eventloop_lag_p50_seconds: { ...seconds, help: "Median event-loop lag since the last scrape" },
  nodejs_eventloop_lag_p90_seconds: { ...seconds, help: "90th percentile of the event-loop lag since the last scrape" },
  nodejs_eventloop_lag_p99_seconds: { ...seconds, help: "99th percentile of the event-loop lag since the last scrape" },
  nodejs_active_resources: {
    ...gauge,
    labels: { type: kinds },
    help: "What keeps the event loop alive, by kind",
  },
  nodejs_active_resources_total: { ...gauge, help: "What keeps the event loop alive" },
  nodejs_active_handles: { ...gauge, labels: { type: kinds }, help: "Open handles (sockets, timers…), by kind" },
  nodejs_active_handles_total: { ...gauge, help: "Open handles" },
  nodejs_active_requests: { ...gauge, labels: { type: kinds }, help: "Requests to the system under way, by kind" },
  nodejs_active_requests_total: { ...gauge, help: "Requests to the system under way" },
  nodejs_heap_size_total_bytes: { ...bytes, help: "Size of V8's heap" },
  nodejs_heap_size_used_bytes: { ...bytes, help: "Used part of V8's heap" },
  nodejs_external_memory_bytes: { ...bytes, help: "Memory outside V8's heap that it holds on to: buffers" },
  nodejs_heap_space_size_total_bytes: { ...bytes, labels: { space: spaces }, help: "Size of each space of V8's heap" },
  nodejs_heap_space_size_used_bytes: { ...bytes, labels: { space: spaces }, help: "Used part of each space" },
  nodejs_heap_space_size_available_bytes: { ...bytes, labels: { space: spaces }, help: "Free part of each space" },
  nodejs_version_info: {
    ...gauge,
    labels: { version: oneVersion, major: oneVersion, minor: oneVersion, patch: oneVersion },
    help: "The version of Node; always 1",
  },
  nodejs_gc_duration_seconds: {
    type: "histogram",
    unit: "seconds",
    services: everywhere,
    labels: { kind: ["major", "minor", "incremental", "weakcb"] },
    buckets: [0.001, 0.01, 0.1, 1, 2, 5],
    help: "Time of garbage collections",
  },
} as const satisfies Record<string, MetricRow>;
