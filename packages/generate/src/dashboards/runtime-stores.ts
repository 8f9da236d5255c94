import { graph, stat, states, type Row } from "../panel.ts";
import { chosen, installation, replica, shared, sharedRate } from "../queries.ts";

const c = `{${chosen}}`;
const yesNo = { 1: { text: "yes", color: "green" }, 0: { text: "NO", color: "red" } } as const;

export const redis: Row = {
  title: "Redis",
  panels: [
    graph({
      title: "Redis memory",
      description: "Used and allowed. From 60 % on, messages are refused with 503, because storing needs memory too.",
      unit: "bytes",
      queries: [
        { expr: shared("confab_redis_used_memory_bytes"), legend: "used" },
        { expr: `(${shared("confab_redis_max_memory_bytes")} > 0)`, legend: "maxmemory" },
      ],
      alerts: ["ConfabRedisMemoryHigh"],
      noValue: "unknown: Redis is not reached",
    }),
    graph({
      title: "Redis processor",
      description: "Part of a core that the busiest master uses. Redis runs commands on one core only.",
      unit: "percentunit",
      queries: [{ expr: sharedRate("confab_redis_cpu_seconds_total"), legend: "part of a core" }],
      warnAt: 0.7,
      badAt: 0.9,
    }),
    graph({
      title: "Redis connections",
      description: "Connections of all clients.",
      unit: "short",
      queries: [{ expr: shared("confab_redis_clients"), legend: "connections" }],
    }),
    stat({
      title: "Append-only file",
      description: "Whether it is on and its last write succeeded. If not, a restart of Redis loses pending messages.",
      unit: "none",
      queries: [
        { expr: `min(confab_redis_aof_enabled{${installation}})`, legend: "on" },
        { expr: `min(confab_redis_aof_last_write_ok{${installation}})`, legend: "last write succeeded" },
      ],
      states: yesNo,
      noValue: "unknown: Redis is not reached",
      alerts: ["ConfabRedisAofFailing"],
      width: 6,
    }),
    stat({
      title: "appendfsync",
      description: "The policy in effect. always keeps every acknowledged message; everysec may lose a second of them.",
      unit: "none",
      queries: [{ expr: `${shared("confab_redis_fsync_policy", "policy")} == 1`, legend: "{{policy}}" }],
      states: { 1: { text: "in effect", color: "text" } },
      noValue: "not shown by Redis",
      alerts: ["ConfabStoreSettingsAtRisk"],
      width: 6,
    }),
    stat({
      title: "Evicted keys, 1 h",
      description: "Must be 0: every key holds an accepted message, a number or an idempotency key.",
      unit: "none",
      queries: [{ expr: `max(increase(confab_redis_evicted_keys_total{${installation}}[1h]))`, legend: "evicted" }],
      noValue: "unknown: Redis is not reached",
      alerts: ["ConfabRedisEvicting"],
      badAt: 1,
      width: 6,
    }),
    stat({
      title: "Delayed fsyncs, 1 h",
      description:
        "Fsyncs that Redis delayed because its disk was too slow. Stays 0 unless appendfsync is everysec: with always, look at the time of a batch in Redis.",
      unit: "none",
      queries: [
        { expr: `max(increase(confab_redis_aof_delayed_fsyncs_total{${installation}}[1h]))`, legend: "delayed" },
      ],
      noValue: "unknown: Redis is not reached",
      alerts: ["ConfabRedisSlow"],
      warnAt: 1,
      width: 6,
    }),
  ],
};

export const databaseAndChecks: Row = {
  title: "MySQL and checks",
  panels: [
    graph({
      title: "Connection pool of each replica",
      description: "Used and idle connections, and the maximum per process.",
      unit: "short",
      queries: [
        { expr: `confab_database_pool_sessions${c}`, legend: `${replica} {{state}}` },
        { expr: `max by (service) (confab_database_pool_limit${c})`, legend: "{{service}} maximum" },
      ],
    }),
    graph({
      title: "Queries that wait for a connection",
      description: "Above 0 for long: the pool is too small or MySQL too slow.",
      unit: "short",
      queries: [{ expr: `confab_database_pool_waiting${c}`, legend: replica }],
      badAt: 10,
    }),
    graph({
      title: "MySQL connections",
      description: "Connections of all clients, and the server's maximum.",
      unit: "short",
      queries: [
        { expr: shared("confab_database_connections"), legend: "connections" },
        { expr: shared("confab_database_max_connections"), legend: "max_connections" },
      ],
      alerts: ["ConfabDatabaseConnectionsHigh"],
      noValue: "unknown: MySQL is not reached",
    }),
    states({
      title: "Store checks",
      description: "Whether each check passes in all selected replicas of a service.",
      unit: "none",
      queries: [
        { expr: `min by (service, dependency) (confab_dependency_up${c})`, legend: "{{service}}: {{dependency}}" },
      ],
      states: { 1: { text: "passes", color: "green" }, 0: { text: "fails", color: "red" } },
      alerts: ["ConfabStoreUnreachable", "ConfabReplicaCutOff", "ConfabServiceDown", "ConfabTargetDown"],
      explore: ["logs"],
    }),
    graph({
      title: "Age of snapshots",
      description:
        "How long ago each replica got new values of its shared gauges. Gauges older than three intervals disappear.",
      unit: "s",
      queries: [{ expr: `confab_snapshot_age_seconds${c}`, legend: `${replica} {{snapshot}}` }],
      warnAt: 30,
      badAt: 60,
      alerts: ["ConfabSnapshotsStale"],
    }),
    stat({
      title: "Settings at risk",
      description: "Settings of a store that are weaker than Confab needs; see `confabctl config check --stores`.",
      unit: "none",
      queries: [{ expr: shared("confab_store_settings_at_risk", "store"), legend: "{{store}}" }],
      alerts: ["ConfabStoreSettingsAtRisk"],
      badAt: 1,
      height: 8,
    }),
    stat({
      title: "Versions and starts",
      description: "Replicas by version of Confab and of Node, and how long ago the newest replica started.",
      unit: "none",
      queries: [
        { expr: `count by (version) (confab_build_info${c})`, legend: "Confab {{version}}" },
        { expr: `count by (version) (nodejs_version_info${c})`, legend: "Node {{version}}" },
        { expr: `time() - max(process_start_time_seconds${c})`, legend: "seconds since the newest start" },
      ],
      height: 8,
    }),
  ],
};
