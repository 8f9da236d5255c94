import { graph, type DashboardPlan } from "../panel.ts";
import { chosen, rate, replica } from "../queries.ts";
import { databaseAndChecks, redis } from "./runtime-stores.ts";

const c = `{${chosen}}`;
const kubernetes = 'namespace=~"$namespace",container=~"ingest|api|worker",container=~"$service",pod=~"$pod"';
const periods = (kind: string): string =>
  `sum by (pod) (rate(container_cpu_cfs_${kind}_total{${kubernetes}}[$__rate_interval]))`;

export const runtime: DashboardPlan = {
  uid: "confab-runtime",
  title: "Confab / Runtime and stores",
  description: "Utilisation, saturation and errors of the processes and of their stores.",
  rows: [
    {
      title: "Processes",
      panels: [
        graph({
          title: "Processor",
          description: "Cores that each replica uses. The JavaScript of a process uses at most one.",
          unit: "short",
          queries: [{ expr: rate("process_cpu_seconds_total", chosen, "service, pod"), legend: replica }],
          warnAt: 0.7,
          badAt: 0.9,
        }),
        graph({
          title: "Event-loop lag, 99th percentile",
          description: "How late callbacks run. Above 100 ms every request of that replica is slow.",
          unit: "s",
          queries: [{ expr: `nodejs_eventloop_lag_p99_seconds${c}`, legend: replica }],
          warnAt: 0.05,
          badAt: 0.1,
        }),
        graph({
          title: "Garbage collection",
          description: "Part of the time that each kind of collection takes.",
          unit: "percentunit",
          queries: [
            { expr: rate("nodejs_gc_duration_seconds_sum", chosen, "service, kind"), legend: "{{service}} {{kind}}" },
          ],
          badAt: 0.1,
        }),
        graph({
          title: "Memory",
          description: "RAM of each replica, and the limit of its container in Kubernetes.",
          unit: "bytes",
          queries: [
            { expr: `process_resident_memory_bytes${c}`, legend: replica },
            {
              expr: `max by (container) (kube_pod_container_resource_limits{${kubernetes},resource="memory"})`,
              legend: "limit of {{container}}",
            },
          ],
        }),
        graph({
          title: "Heap",
          description: "Maximum over the replicas of a service: used heap, whole heap, and buffers outside the heap.",
          unit: "bytes",
          queries: [
            { expr: `max by (service) (nodejs_heap_size_used_bytes${c})`, legend: "{{service}} used" },
            { expr: `max by (service) (nodejs_heap_size_total_bytes${c})`, legend: "{{service}} heap" },
            { expr: `max by (service) (nodejs_external_memory_bytes${c})`, legend: "{{service}} buffers" },
          ],
        }),
        graph({
          title: "Throttling",
          description:
            "Part of the time slices in which the processor limit stopped a container. Needs the kubelet's metrics.",
          unit: "percentunit",
          queries: [{ expr: `${periods("throttled_periods")} / ${periods("periods")}`, legend: "{{pod}}" }],
          badAt: 0.25,
          noValue: "no metrics of the kubelet",
        }),
      ],
    },
    redis,
    databaseAndChecks,
  ],
};
