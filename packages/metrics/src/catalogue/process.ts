import type { MetricRow } from "../metric-row.ts";
import { everywhere } from "../readers.ts";

const gauge = { type: "gauge", services: everywhere } as const;
const seconds = { ...gauge, unit: "seconds" } as const;
const cpuSeconds = { ...seconds, type: "counter" } as const;
const bytes = { ...gauge, unit: "bytes" } as const;
const oneVersion = { atMost: 1, because: "A process runs one version" } as const;

/** Metrics that prom-client exports for every process, with the names that common dashboards use. */
export const processMetrics = {
  process_cpu_user_seconds_total: { ...cpuSeconds, help: "Processor time of the process outside the kernel" },
  process_cpu_system_seconds_total: { ...cpuSeconds, help: "Processor time of the process in the kernel" },
  process_cpu_seconds_total: { ...cpuSeconds, help: "Processor time of the process" },
  process_start_time_seconds: { ...seconds, help: "When the process started, in seconds since 1970" },
  process_resident_memory_bytes: { ...bytes, help: "Memory of the process in RAM" },
  process_open_fds: { ...gauge, help: "Open file descriptors, including sockets" },
  process_max_fds: { ...gauge, help: "Maximum number of open file descriptors" },
  nodejs_eventloop_lag_seconds: { ...seconds, help: "Event-loop lag at the time of the scrape" },
  nodejs_eventloop_lag_p99_seconds: { ...seconds, help: "99th percentile of the event-loop lag since the last scrape" },
  nodejs_eventloop_lag_max_seconds: { ...seconds, help: "Longest event-loop lag since the last scrape" },
  nodejs_heap_size_total_bytes: { ...bytes, help: "Size of V8's heap" },
  nodejs_heap_size_used_bytes: { ...bytes, help: "Used part of V8's heap" },
  nodejs_external_memory_bytes: { ...bytes, help: "Memory outside V8's heap that the heap refers to, such as buffers" },
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
    help: "Duration of garbage collections",
  },
} as const satisfies Record<string, MetricRow>;
