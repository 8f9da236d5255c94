import type { AlertCase, Series } from "./alert-case.ts";
import { page, ticket, unreachable } from "./labels.ts";

/** Returns the series for the free and the total space on the volume of a store's first pod. */
const volume = (store: string, free: string): Series[] => {
  const labels = `namespace="chat",persistentvolumeclaim="data-confab-${store}-0"`;
  return [
    `kubelet_volume_stats_available_bytes{${labels}} ${free}`,
    `kubelet_volume_stats_capacity_bytes{${labels}} 100x30`,
  ];
};
const accepting = (part: "sum" | "count", values: string): Series =>
  `confab_accept_duration_seconds_${part}{namespace="chat",service="ingest"} ${values}`;
const used = 'confab_redis_used_memory_bytes{namespace="chat"}';
const limit = 'confab_redis_max_memory_bytes{namespace="chat"}';

/** Returns the series for the check of a dependency in one replica of a service. */
function check(service: string, instance: string, dependency: string, values: string): Series {
  const labels = `namespace="chat",service="${service}",dependency="${dependency}",pod="${service}-${instance}",instance="${instance}"`;
  return `confab_dependency_up{${labels}} ${values}`;
}

/** Cases of the alerts about Redis, MySQL and Elasticsearch. */
export const storeCases: Readonly<Record<string, AlertCase>> = {
  ConfabStoreUnreachable: {
    fires: [
      {
        series: [
          check("api", "a", "search", "1 0x30"),
          check("api", "b", "search", "1 0x30"),
          check("worker", "c", "search", "1x30"),
          check("api", "a", "redis", "1x30"),
        ],
        after: 4,
        labels: { ...page, dependency: "search" },
      },
      // Only one alert fires, although three checks of two services fail.
      {
        series: [
          check("ingest", "a", "redis", "1 0x30"),
          check("ingest", "a", "partitions", "1 0x30"),
          check("ingest", "a", "settings", "1 0x30"),
          check("worker", "b", "redis", "1 0x30"),
        ],
        after: 4,
        labels: { ...page, dependency: "redis" },
      },
      {
        series: [check("ingest", "a", "redis", "1x30"), check("ingest", "a", "settings", "1 0x30")],
        after: 4,
        labels: { ...page, dependency: "settings" },
      },
    ],
    silent: [
      // One replica that is cut off is not an outage.
      { series: [check("api", "a", "search", "0x30"), check("api", "b", "search", "1x30")] },
      { series: [check("api", "a", "search", "1 0 0 1x27")] },
    ],
  },
  ConfabReplicaCutOff: {
    fires: [
      {
        series: [
          check("ingest", "a", "redis", "1x5 0x30"),
          check("ingest", "a", "partitions", "1x5 0x30"),
          check("ingest", "b", "redis", "1x40"),
          check("ingest", "b", "partitions", "1x40"),
        ],
        after: 20,
        labels: { ...ticket, service: "ingest", pod: "ingest-a", instance: "a" },
      },
    ],
    silent: [
      // All replicas fail, which is an outage and has another alert.
      { series: [check("ingest", "a", "redis", "1 0x40"), check("ingest", "b", "redis", "1 0x40")], after: 40 },
      { series: [check("ingest", "a", "redis", "1x5 0x8 1x20"), check("ingest", "b", "redis", "1x40")] },
    ],
  },
  ConfabSnapshotsStale: {
    fires: [
      {
        series: [
          'confab_snapshot_age_seconds{namespace="chat",service="ingest",snapshot="redis"} 0+60x30',
          'confab_snapshot_age_seconds{namespace="chat",service="worker",snapshot="redis"} 0+60x30',
          'confab_snapshot_age_seconds{namespace="chat",service="worker",snapshot="queues"} 1x30',
        ],
        after: 20,
        labels: { ...ticket, snapshot: "redis" },
      },
    ],
    silent: [
      // One replica that reads the snapshot is enough.
      {
        series: [
          'confab_snapshot_age_seconds{service="ingest",snapshot="redis"} 0+60x30',
          'confab_snapshot_age_seconds{service="worker",snapshot="redis"} 2x30',
        ],
      },
      // Redis is unavailable, which its own alert reports.
      {
        series: [
          'confab_snapshot_age_seconds{namespace="chat",service="ingest",snapshot="redis"} 0+60x30',
          unreachable("redis"),
        ],
      },
    ],
  },
  ConfabStoreSettingsAtRisk: {
    fires: [
      {
        series: ['confab_store_settings_at_risk{namespace="chat",store="redis",service="ingest"} 0 1x30'],
        after: 15,
        labels: { ...ticket, store: "redis" },
      },
    ],
    silent: [
      { series: ['confab_store_settings_at_risk{store="redis"} 0x30'] },
      // In a failover, the store is a replica for some minutes.
      { series: ['confab_store_settings_at_risk{store="redis"} 0 1x8 0x20'] },
    ],
  },
  ConfabRedisMemoryHigh: {
    fires: [{ series: [`${used} 501x30`, `${limit} 1000x30`], after: 6, labels: page }],
    silent: [
      { series: [`${used} 500x30`, `${limit} 1000x30`] },
      { series: [`${used} 0 900x4 0x25`, `${limit} 1000x30`] },
      // Without a limit, the memory cannot fill up.
      { series: [`${used} 600x30`, `${limit} 0x30`] },
    ],
  },
  ConfabRedisEvicting: {
    fires: [
      // Both replicas of ingest see the same evictions.
      {
        series: [
          'confab_redis_evicted_keys_total{namespace="chat",instance="a"} 0x10 3x20',
          'confab_redis_evicted_keys_total{namespace="chat",instance="b"} 7x10 10x20',
        ],
        after: 12,
        labels: page,
      },
    ],
    silent: [
      { series: ["confab_redis_evicted_keys_total 0x30"] },
      { series: ["confab_redis_evicted_keys_total 100x30"] },
    ],
    ends: [
      // The alert ends without a restart of Redis.
      { series: ['confab_redis_evicted_keys_total{namespace="chat"} 0x10 3x50'], after: 28 },
    ],
  },
  ConfabRedisSlow: {
    fires: [
      // Ten batches per second take 150 ms each, as with appendfsync always.
      { series: [accepting("sum", "0+90x30"), accepting("count", "0+600x30")], after: 20, labels: ticket },
      { series: ['confab_redis_aof_delayed_fsyncs_total{namespace="chat"} 0+2x30'], after: 20, labels: ticket },
      // Both causes raise only one alert.
      {
        series: [
          accepting("sum", "0+90x30"),
          accepting("count", "0+600x30"),
          'confab_redis_aof_delayed_fsyncs_total{namespace="chat"} 0+2x30',
        ],
        after: 20,
        labels: ticket,
      },
    ],
    silent: [
      { series: [accepting("sum", "0+30x30"), accepting("count", "0+600x30")] },
      // There is no traffic.
      { series: [accepting("sum", "90x30"), accepting("count", "600x30")] },
      // Redis is slow for three minutes only.
      { series: [accepting("sum", "0+3x10 90x3 120+3x17"), accepting("count", "0+600x30")] },
      { series: ["confab_redis_aof_delayed_fsyncs_total 0x10 4x20"] },
      { series: ["confab_redis_aof_delayed_fsyncs_total 500x30"] },
    ],
  },
  ConfabRedisDiskNearlyFull: {
    fires: [
      {
        series: volume("redis", "40x10 4x20"),
        after: 20,
        labels: { ...page, persistentvolumeclaim: "data-confab-redis-0" },
      },
    ],
    silent: [
      { series: volume("redis", "6x30") },
      // A rewrite of the append-only file needs space only for a moment.
      { series: volume("redis", "40x10 4 40x20") },
      // The disk belongs to another store.
      { series: volume("mysql", "4x30") },
    ],
  },
  ConfabErasureStuck: {
    fires: [{ series: ['confab_erasures_oldest_age_seconds{namespace="chat"} 3000+60x30'], after: 17, labels: ticket }],
    silent: [
      { series: ["confab_erasures_oldest_age_seconds 3600x30"] },
      { series: ["confab_erasures_oldest_age_seconds 0+60x30 0x30"] },
      // Elasticsearch is unavailable, which its own alert reports.
      { series: ['confab_erasures_oldest_age_seconds{namespace="chat"} 3000+60x30', unreachable("search")] },
    ],
  },
  ConfabRetentionBehind: {
    fires: [
      { series: ['confab_retention_behind_seconds{namespace="chat"} 80000+600x300'], after: 140, labels: ticket },
      // No worker checks any more. The last check found nothing.
      {
        series: [
          'confab_retention_behind_seconds{namespace="chat"} 0x300',
          'confab_retention_check_age_seconds{namespace="chat"} 86000+60x300',
        ],
        after: 140,
        labels: ticket,
      },
    ],
    silent: [
      {
        series: ["confab_retention_behind_seconds 86400x300", "confab_retention_check_age_seconds 86400x300"],
        after: 300,
      },
      // The limit is new, and its backlog is deleted within two hours.
      { series: ["confab_retention_behind_seconds 9000000x110 0x190"], after: 300 },
      {
        series: [
          'confab_retention_behind_seconds{namespace="chat"} 90000x300',
          'confab_retention_check_age_seconds{namespace="chat"} 90000x300',
          unreachable("database"),
        ],
        after: 300,
      },
    ],
  },
  ConfabDatabaseConnectionsHigh: {
    fires: [
      {
        series: [
          'confab_database_connections{namespace="chat"} 130x30',
          'confab_database_max_connections{namespace="chat"} 151x30',
        ],
        after: 15,
        labels: ticket,
      },
    ],
    silent: [
      { series: ["confab_database_connections 120x30", "confab_database_max_connections 151x30"] },
      { series: ["confab_database_connections 10 150x8 10x20", "confab_database_max_connections 151x30"] },
    ],
  },
  ConfabRedisAofFailing: {
    fires: [
      {
        series: [
          'confab_redis_aof_last_write_ok{namespace="chat"} 1 0x30',
          'confab_redis_aof_enabled{namespace="chat"} 1x30',
        ],
        after: 3,
        labels: page,
      },
      // The append-only file is off, although its last write did not fail.
      {
        series: [
          'confab_redis_aof_last_write_ok{namespace="chat"} 1x30',
          'confab_redis_aof_enabled{namespace="chat"} 1 0x30',
        ],
        after: 3,
        labels: page,
      },
    ],
    silent: [
      { series: ["confab_redis_aof_last_write_ok 1x30", "confab_redis_aof_enabled 1x30"] },
      { series: ["confab_redis_aof_last_write_ok 1 0 1x28", "confab_redis_aof_enabled 1x30"] },
    ],
  },
  ConfabDiskFillingUp: {
    fires: [
      {
        series: volume("mysql", "9x30"),
        after: 20,
        labels: { ...ticket, persistentvolumeclaim: "data-confab-mysql-0" },
      },
      // A third is left and will be used up in less than three days.
      {
        series: volume("mysql", "35-0.01x30"),
        after: 20,
        labels: { ...ticket, persistentvolumeclaim: "data-confab-mysql-0" },
      },
    ],
    silent: [
      { series: volume("mysql", "11x30") },
      // The space shrinks as fast, but half is left. A backup or a compaction does that.
      { series: volume("mysql", "50-0.01x30") },
      // A third is left and would be used up in a week.
      { series: volume("mysql", "35-0.003x30") },
      // The disk belongs to another application.
      {
        series: [
          'kubelet_volume_stats_available_bytes{persistentvolumeclaim="data-wiki-0"} 1x30',
          'kubelet_volume_stats_capacity_bytes{persistentvolumeclaim="data-wiki-0"} 100x30',
        ],
      },
    ],
  },
};
