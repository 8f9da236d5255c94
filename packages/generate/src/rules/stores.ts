import { fullnamePlaceholder, unlessFiring, type Alert } from "./alert.ts";

/** Returns PromQL for the checks that fail in all replicas of a service. Another alert covers single replicas. */
const failing = (dependencies: string): string =>
  `min by (namespace, dependency) (max by (namespace, service, dependency) (confab_dependency_up{dependency=~"${dependencies}"})) == 0`;
const stores = failing("redis|database|search");
const failsEverywhere = "max by (namespace, service, dependency) (confab_dependency_up) == 0";

const unlessStores = unlessFiring("ConfabStoreUnreachable", "10m");

const freeOf = (stores: string): string =>
  `kubelet_volume_stats_available_bytes{persistentvolumeclaim=~"data-${fullnamePlaceholder}-(${stores})-[0-9]+"}`;
const freeRatioOf = (stores: string): string => `${freeOf(stores)} / kubelet_volume_stats_capacity_bytes`;
const free = freeOf("mysql|redis|elasticsearch");
const freeRatio = freeRatioOf("mysql|redis|elasticsearch");

const accept = (series: string): string => `sum by (namespace) (rate(confab_accept_duration_seconds_${series}[10m]))`;
const acceptMean = `${accept("sum")} / (${accept("count")} > 0)`;
/**
 * Mean time in seconds above which accepting counts as slow. The deadline of accepting is 0.9 s; a local disk takes a
 * few milliseconds.
 */
const slowAcceptSeconds = 0.1;

/** Alerts about Redis, MySQL and Elasticsearch. */
export const storeAlerts: readonly Alert[] = [
  {
    name: "ConfabStoreUnreachable",
    // The checks of partitions and settings fail together with their store, so they count only while no store fails.
    expr: `${stores} or ${failing("partitions|settings")} unless on (namespace) ${stores}`,
    for: "2m",
    severity: "critical",
    summary: "The check of {{ $labels.dependency }} fails in all replicas of a service",
    description:
      "confab_dependency_up is {{ $value }} for {{ $labels.dependency }} in every replica of at least one service.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabReplicaCutOff",
    expr: `count by (namespace, service, pod, instance) (confab_dependency_up == 0 unless on (namespace, service, dependency) ${failsEverywhere}) > 0`,
    for: "10m",
    severity: "warning",
    summary: "A replica of {{ $labels.service }} does not reach a store that others reach",
    description:
      "{{ $value }} checks fail in {{ $labels.service }} {{ $labels.pod }} ({{ $labels.instance }}) that pass in other replicas.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabSnapshotsStale",
    expr: `min by (namespace, snapshot) (confab_snapshot_age_seconds) > 60 ${unlessFiring("ConfabStoreUnreachable", "5m")}`,
    for: "10m",
    severity: "warning",
    summary: "No replica can read the {{ $labels.snapshot }} values of a store",
    description:
      "The newest {{ $labels.snapshot }} snapshot is {{ $value | humanizeDuration }} old. Its gauges are missing, so alerts about them cannot fire.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabStoreSettingsAtRisk",
    expr: "max by (namespace, store) (confab_store_settings_at_risk) > 0",
    for: "10m",
    severity: "warning",
    summary: "Settings of {{ $labels.store }} put promises at risk",
    description:
      "{{ $value }} settings of {{ $labels.store }} are weaker than Confab needs, such as appendfsync or maxmemory.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabRedisMemoryHigh",
    expr: "max by (namespace) (confab_redis_used_memory_bytes) / (max by (namespace) (confab_redis_max_memory_bytes) > 0) > 0.5",
    for: "5m",
    severity: "critical",
    summary: "Redis is nearly too full to accept messages",
    description:
      "{{ $value | humanizePercentage }} of Redis' maxmemory is used. From 60 % on, ingest refuses messages.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabRedisEvicting",
    expr: "max by (namespace) (increase(confab_redis_evicted_keys_total[15m])) > 0",
    for: "0m",
    severity: "critical",
    summary: "Redis is evicting keys that hold accepted messages",
    description:
      "Redis evicted {{ $value | humanize }} keys in the last 15 minutes: its maxmemory-policy is not noeviction.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabRedisAofFailing",
    // A failed write shows here only while appendfsync is everysec or no. With always, Redis exits, and
    // ConfabStoreUnreachable fires.
    expr: "min by (namespace) (confab_redis_aof_last_write_ok) == 0 or min by (namespace) (confab_redis_aof_enabled) == 0",
    for: "1m",
    severity: "critical",
    summary: "Redis does not write its append-only file",
    description:
      "The append-only file is off or its last write failed (value {{ $value }}). A restart of Redis would lose pending messages.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabRedisDiskNearlyFull",
    expr: `${freeRatioOf("redis")} < 0.05`,
    for: "2m",
    severity: "critical",
    summary: "The disk of Redis is nearly full: Redis ends when it is full",
    description:
      "{{ $value | humanizePercentage }} of {{ $labels.persistentvolumeclaim }} is free. On a full disk Redis ends and no messages are accepted.",
    dashboard: "confab-overview",
  },
  {
    name: "ConfabRedisSlow",
    // The time to accept includes the fsync only with appendfsync always. With everysec, Redis counts the fsyncs that
    // it delays.
    expr: `${acceptMean} > ${slowAcceptSeconds} or max by (namespace) (increase(confab_redis_aof_delayed_fsyncs_total[10m])) > 5 unless on (namespace) ${acceptMean} > ${slowAcceptSeconds}`,
    for: "5m",
    severity: "warning",
    summary: "Redis is slow: its disk, its processor or the network",
    description:
      "A batch took {{ $value | humanize }} seconds on average in the last ten minutes; a value above 5 is the number of delayed fsyncs.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabErasureStuck",
    expr: `max by (namespace) (confab_erasures_oldest_age_seconds) > 3600 ${unlessStores}`,
    for: "5m",
    severity: "warning",
    summary: "Something that was deleted is not erased from every store",
    description: "The oldest deletion was requested {{ $value | humanizeDuration }} ago and is not finished.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabRetentionBehind",
    // The second expression is needed because a check that never runs finds nothing.
    expr: `max by (namespace) (confab_retention_behind_seconds) > 86400 ${unlessStores} or max by (namespace) (confab_retention_check_age_seconds) > 86400 ${unlessStores}`,
    // After a new or lower limit, deletions are behind until the backlog is deleted.
    for: "2h",
    severity: "warning",
    summary: "Messages that are over the limit of their age are not deleted",
    description:
      "The oldest message that should be deleted is {{ $value | humanizeDuration }} over its limit, or no worker has looked for that long.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabDatabaseConnectionsHigh",
    expr: "max by (namespace) (confab_database_connections) / max by (namespace) (confab_database_max_connections) > 0.8",
    for: "10m",
    severity: "warning",
    summary: "MySQL is running out of connections",
    description: "{{ $value | humanizePercentage }} of MySQL's max_connections are in use.",
    dashboard: "confab-runtime",
  },
  {
    name: "ConfabDiskFillingUp",
    expr: `${freeRatio} < 0.1 or ${freeRatio} < 0.4 and predict_linear(${free}[6h], 4 * 86400) < 0`,
    for: "15m",
    severity: "warning",
    summary: "The disk {{ $labels.persistentvolumeclaim }} is filling up",
    description:
      "{{ $value | humanizePercentage }} of {{ $labels.persistentvolumeclaim }} is free; less than 10 %, or it will be full within four days.",
    dashboard: "confab-overview",
  },
];
