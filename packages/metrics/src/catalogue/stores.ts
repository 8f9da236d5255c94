import type { MetricRow } from "../metric-row.ts";
import { databaseReaders, everywhere, redisReaders } from "../readers.ts";

/** Metrics of Redis, MySQL and Elasticsearch, as each process sees them. */
export const storeMetrics = {
  confab_dependency_up: {
    type: "gauge",
    help: "1 while a check of this process passes. redis, database, search: the store answers. partitions: the servers of all partitions answer. settings: no setting of a store would lose accepted messages",
    labels: { dependency: ["redis", "database", "search", "partitions", "settings"] },
    services: everywhere,
  },
  confab_store_settings_at_risk: {
    type: "gauge",
    help: "Settings of a store with which a promise does not hold, such as an appendfsync policy weaker than REDIS_DURABILITY; confabctl config check --stores lists them",
    labels: { store: ["redis", "database"] },
    services: everywhere,
    shared: true,
  },
  confab_snapshot_age_seconds: {
    type: "gauge",
    help: "Time since this process last got new values of its shared gauges, which one process reads from a store for all. Gauges older than three intervals are not exported",
    unit: "seconds",
    labels: { snapshot: ["backlog", "queues", "redis", "database"] },
    services: everywhere,
  },
  confab_database_pool_sessions: {
    type: "gauge",
    help: "Database connections of this process, by state",
    labels: { state: ["used", "idle"] },
    services: everywhere,
  },
  confab_database_pool_limit: {
    type: "gauge",
    help: "DATABASE_POOL_SIZE: the maximum number of database connections of this process",
    services: everywhere,
  },
  confab_database_pool_waiting: { type: "gauge", help: "Queries that wait for a connection", services: everywhere },
  confab_database_connections: {
    type: "gauge",
    help: "Connections of all clients to the database server",
    services: databaseReaders,
    shared: true,
  },
  confab_database_max_connections: {
    type: "gauge",
    help: "Maximum number of connections that the database server allows",
    services: databaseReaders,
    shared: true,
  },
  confab_redis_used_memory_bytes: {
    type: "gauge",
    help: "Memory that Redis uses; in a cluster, of the fullest master",
    unit: "bytes",
    services: redisReaders,
    shared: true,
  },
  confab_redis_max_memory_bytes: {
    type: "gauge",
    help: "maxmemory of the same server; 0 where none is set",
    unit: "bytes",
    services: redisReaders,
    shared: true,
  },
  confab_redis_evicted_keys_total: {
    type: "counter",
    help: "Keys that Redis evicted while this process watched; must stay 0, because every key matters",
    services: redisReaders,
    shared: true,
  },
  confab_redis_aof_enabled: {
    type: "gauge",
    help: "1 while every master writes an append-only file",
    services: redisReaders,
    shared: true,
  },
  confab_redis_aof_last_write_ok: {
    type: "gauge",
    help: "1 while the last write of every master's append-only file succeeded. Always 1 with appendfsync always: Redis then ends when a write fails",
    movesWith: ["everysec", "no"],
    services: redisReaders,
    shared: true,
  },
  confab_redis_aof_delayed_fsyncs_total: {
    type: "counter",
    help: "Fsyncs that Redis delayed while this process watched: the disk is too slow. Grows with appendfsync everysec only",
    movesWith: ["everysec"],
    services: redisReaders,
    shared: true,
  },
  confab_redis_fsync_policy: {
    type: "gauge",
    help: "1 for the appendfsync policy in effect, in a cluster the weakest; 0 for all where Redis does not show it",
    labels: { policy: ["always", "everysec", "no"] },
    services: redisReaders,
    shared: true,
  },
  confab_redis_clients: {
    type: "gauge",
    help: "Connections of all clients to Redis",
    services: redisReaders,
    shared: true,
  },
  confab_redis_cpu_seconds_total: {
    type: "counter",
    help: "Processor time of Redis while this process watched; in a cluster, of the busiest master",
    unit: "seconds",
    services: redisReaders,
    shared: true,
  },
} as const satisfies Record<string, MetricRow>;
