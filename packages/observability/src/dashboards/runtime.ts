import { graph, stat, type DashboardPlan } from "../panel.ts";
import { chosen, rate, shared } from "../queries.ts";

const c = `{${chosen}}`;
const replica = "{{service}} {{instance}}";
const redisLimit = `(${shared("confab_redis_max_memory_bytes")} > 0)`;

export const runtime: DashboardPlan = {
  uid: "confab-runtime",
  title: "Confab / Runtime and stores",
  description: "Utilisation, saturation and errors of the processes and of the stores they stand on.",
  rows: [
    {
      title: "Processes",
      panels: [
        graph({
          title: "Processor",
          description: "Cores used by each replica; JavaScript of one process uses one at most.",
          unit: "short",
          queries: [{ expr: rate("process_cpu_seconds_total", chosen, "service, instance"), legend: replica }],
          warnAt: 0.7,
          badAt: 0.9,
        }),
        graph({
          title: "Event-loop lag, 99th percentile",
          description: "How late callbacks run. Above 100 ms every request of that replica is late.",
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
          description: "In RAM, and the used and the whole heap of each replica; the limit is Kubernetes'.",
          unit: "bytes",
          queries: [
            { expr: `process_resident_memory_bytes${c}`, legend: `${replica} RAM` },
            { expr: `nodejs_heap_size_used_bytes${c}`, legend: `${replica} heap used` },
            { expr: `nodejs_heap_size_total_bytes${c}`, legend: `${replica} heap` },
            { expr: `nodejs_external_memory_bytes${c}`, legend: `${replica} buffers` },
            {
              expr: `max by (container) (kube_pod_container_resource_limits{namespace=~"$namespace",resource="memory",container=~"ingest|api|worker"})`,
              legend: "limit of {{container}}",
            },
          ],
        }),
        graph({
          title: "Throttling",
          description:
            "Part of the time slices in which the processor limit held a container up. Needs the kubelet's metrics.",
          unit: "percentunit",
          queries: [
            {
              expr: `sum by (pod) (rate(container_cpu_cfs_throttled_periods_total{namespace=~"$namespace",container=~"ingest|api|worker"}[$__rate_interval])) / sum by (pod) (rate(container_cpu_cfs_periods_total{namespace=~"$namespace",container=~"ingest|api|worker"}[$__rate_interval]))`,
              legend: "{{pod}}",
            },
          ],
          badAt: 0.25,
        }),
        graph({
          title: "File descriptors",
          description: "Open ones (sockets included), as a part of those allowed.",
          unit: "percentunit",
          queries: [{ expr: `process_open_fds${c} / process_max_fds${c}`, legend: replica }],
          badAt: 0.8,
        }),
      ],
    },
    {
      title: "Redis",
      panels: [
        graph({
          title: "Redis' memory",
          description: "Used and allowed. From 60 % on messages are refused with 503, so that draining has room.",
          unit: "bytes",
          queries: [
            { expr: shared("confab_redis_used_memory_bytes"), legend: "used" },
            { expr: redisLimit, legend: "maxmemory" },
          ],
          alerts: ["ConfabRedisMemoryHigh"],
          width: 6,
        }),
        graph({
          title: "Redis' commands",
          description: "A second, on the busiest master.",
          unit: "ops",
          queries: [
            { expr: `max(rate(confab_redis_commands{namespace=~"$namespace"}[$__rate_interval]))`, legend: "commands" },
          ],
          width: 6,
        }),
        graph({
          title: "Redis' processor",
          description: "The part of a core that the busiest master uses: Redis has only one.",
          unit: "percentunit",
          queries: [
            {
              expr: `max(rate(confab_redis_cpu_seconds{namespace=~"$namespace"}[$__rate_interval]))`,
              legend: "part of a core",
            },
          ],
          warnAt: 0.7,
          badAt: 0.9,
          width: 6,
        }),
        graph({
          title: "Connections",
          description: "That Redis has, of everybody.",
          unit: "short",
          queries: [{ expr: shared("confab_redis_clients"), legend: "connections" }],
          width: 6,
        }),
        stat({
          title: "Append-only file",
          description:
            "1 while it is on and its last write succeeded. 0: a restart of Redis may lose accepted messages.",
          unit: "none",
          queries: [
            { expr: `min(confab_redis_aof_enabled{namespace=~"$namespace"})`, legend: "on" },
            { expr: `min(confab_redis_aof_last_write_ok{namespace=~"$namespace"})`, legend: "last write" },
          ],
          lowIsBad: true,
          badAt: 1,
          alerts: ["ConfabRedisAofFailing"],
          width: 6,
        }),
        stat({
          title: "Evicted keys",
          description: "Since Redis started. Must be 0: it evicts what must not be lost.",
          unit: "none",
          queries: [{ expr: shared("confab_redis_evicted_keys"), legend: "evicted" }],
          alerts: ["ConfabRedisEvicting"],
          badAt: 1,
          width: 6,
        }),
        stat({
          title: "Delayed fsyncs",
          description: "Since Redis started; a number that grows is a disk that does not keep up.",
          unit: "none",
          queries: [{ expr: shared("confab_redis_aof_delayed_fsyncs"), legend: "delayed" }],
          warnAt: 1,
          width: 6,
        }),
        stat({
          title: "appendfsync",
          description: "The policy in effect: always keeps every answered message, everysec may lose a second's.",
          unit: "none",
          queries: [{ expr: shared("confab_redis_fsync_policy", "policy"), legend: "{{policy}}" }],
          width: 6,
        }),
      ],
    },
    {
      title: "MySQL, and who reaches what",
      panels: [
        graph({
          title: "Sessions of each replica's pool",
          description: "Used and idle, and the most there may be.",
          unit: "short",
          queries: [
            { expr: `confab_database_pool_sessions${c}`, legend: `${replica} {{state}}` },
            { expr: `max by (service) (confab_database_pool_limit${c})`, legend: "{{service}} at most" },
          ],
        }),
        graph({
          title: "Queries waiting for a session",
          description: "More than a moment's worth: the pool is too small or the database too slow.",
          unit: "short",
          queries: [{ expr: `confab_database_pool_waiting${c}`, legend: replica }],
          badAt: 10,
        }),
        graph({
          title: "Sessions of the server",
          description: "Of everybody, and the most that the server allows.",
          unit: "short",
          queries: [
            { expr: shared("confab_database_connections"), legend: "sessions" },
            { expr: shared("confab_database_max_connections"), legend: "at most" },
          ],
        }),
        graph({
          title: "Stores reached",
          description: "1 while a store answers all replicas of a service.",
          unit: "none",
          queries: [
            {
              expr: `min by (service, dependency) (confab_dependency_up${c})`,
              legend: "{{service}} to {{dependency}}",
            },
          ],
          max: 1,
          alerts: ["ConfabStoreUnreachable", "ConfabTargetDown"],
          width: 16,
        }),
        stat({
          title: "Versions",
          description: "Replicas of each version of Confab and of Node; two of a kind only during an upgrade.",
          unit: "none",
          queries: [
            { expr: `count by (version) (confab_build_info${c})`, legend: "Confab {{version}}" },
            { expr: `count by (version) (nodejs_version_info${c})`, legend: "Node {{version}}" },
          ],
        }),
        stat({
          title: "Newest start",
          description:
            "How long ago the newest replica started: small long after an upgrade, one restarts again and again.",
          unit: "dtdurations",
          queries: [{ expr: `time() - max(process_start_time_seconds${c})`, legend: "ago" }],
        }),
      ],
    },
  ],
};
