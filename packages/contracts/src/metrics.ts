import type { MetricRow } from "./metric-row.ts";
import { problems, type ProblemCode } from "./problems.ts";
import { processMetrics } from "./process-metrics.ts";
import type { QueueName } from "./queues.ts";

const edge = ["ingest", "api"] as const;
const everywhere = ["ingest", "api", "worker"] as const;
/** What lies in Redis is shown by ingest as well, which runs on while no worker does. */
const redisLookers = ["ingest", "worker"] as const;
/** What lies in MySQL is shown by the api as well, for the same reason. */
const databaseLookers = ["api", "worker"] as const;

const method = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"] as const;
const route = { atMost: 40, because: "Templates of the route table, or (none): never a path as it was sent" } as const;
const status = {
  atMost: 40,
  because: "The statuses that Confab answers with, and 499: the client left before",
} as const;
const problem = Object.keys(problems) as ProblemCode[];
const queue = ["messages", "search"] as const satisfies readonly QueueName[];
const count = ["chats_count", "messages_count"] as const;
const version = { atMost: 1, because: "A process has one version" } as const;

const requestTimes = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
const storeTimes = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;
const acceptTimes = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1] as const;
/** From a moment to the hours of an outage. */
const ways = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200] as const;

/** Confab's own metrics; every series has the label `service` besides. */
const confabMetrics = {
  // The HTTP edge.
  http_requests_total: {
    type: "counter",
    help: "Requests answered; status 499 marks those whose client left before",
    labels: { method, route, status },
    services: edge,
  },
  http_request_duration_seconds: {
    type: "histogram",
    help: "From a request's headers to the end of its answer",
    unit: "seconds",
    labels: { method, route, status },
    buckets: requestTimes,
    services: edge,
  },
  http_requests_in_flight: { type: "gauge", help: "Requests begun and not yet answered", services: edge },
  http_problems_total: {
    type: "counter",
    help: "Requests answered with a problem, by its code; rate-limited is one of them",
    labels: { route, problem },
    services: edge,
  },
  http_access_log_skipped_total: {
    type: "counter",
    help: "Requests that got no access log line because ACCESS_LOG_RATE was reached; never errors or slow ones",
    services: edge,
  },

  // Accepting.
  confab_messages_accepted_total: { type: "counter", help: "Messages numbered and made durable", services: ["ingest"] },
  confab_messages_replayed_total: {
    type: "counter",
    help: "Messages sent again with their Idempotency-Key and answered as the first time",
    services: ["ingest"],
  },
  confab_messages_refused_total: {
    type: "counter",
    help: "Messages not accepted, by reason; validation-failed counts items of batches only",
    labels: {
      reason: [
        "application-not-found",
        "chat-not-found",
        "idempotency-conflict",
        "intake-unavailable",
        "overloaded",
        "rate-limited",
        "storage-unavailable",
        "validation-failed",
        "other",
      ],
    },
    services: ["ingest"],
  },
  confab_top_application_messages_per_second: {
    type: "gauge",
    help: "Messages per second of an application that this replica accepted in the last 15 seconds or more: the ten loudest",
    labels: { application: { atMost: 10, because: "The ten loudest, each by the first 8 characters of its token" } },
    services: ["ingest"],
  },
  confab_accept_batch_size: {
    type: "histogram",
    help: "Messages in a batch sent to Redis",
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    services: ["ingest"],
  },
  confab_accept_wait_seconds: {
    type: "histogram",
    help: "How long the first message of a batch waited for the batch to be sent",
    unit: "seconds",
    buckets: acceptTimes,
    services: ["ingest"],
  },
  confab_accept_duration_seconds: {
    type: "histogram",
    help: "Time of a batch in Redis: the way there, the accept script, the fsync, the way back",
    unit: "seconds",
    buckets: acceptTimes,
    services: ["ingest"],
  },
  confab_accept_batches_in_flight: { type: "gauge", help: "Batches that Redis has not answered", services: ["ingest"] },
  confab_accept_messages_waiting: { type: "gauge", help: "Messages that wait for their batch", services: ["ingest"] },
  confab_chat_heads_loaded_total: {
    type: "counter",
    help: "Chat heads loaded from MySQL because Redis did not know them: new (the chat has no stored message yet) or reseed (the head was lost, had expired, or was from before a restart of Redis)",
    labels: { reason: ["new", "reseed"] },
    services: ["ingest"],
  },

  // What waits in Redis.
  confab_messages_pending: {
    type: "gauge",
    help: "Messages accepted and not yet stored",
    services: redisLookers,
    shared: true,
  },
  confab_pending_oldest_age_seconds: {
    type: "gauge",
    help: "Age of the oldest batch that is not stored; 0 when all are",
    unit: "seconds",
    services: redisLookers,
    shared: true,
  },
  confab_queue_jobs: {
    type: "gauge",
    help: "Jobs in the queues, by state",
    labels: { queue, state: ["waiting", "active", "delayed", "failed"] },
    services: redisLookers,
    shared: true,
  },
  confab_queue_oldest_job_age_seconds: {
    type: "gauge",
    help: "Age of the oldest job that waits; 0 when none does",
    unit: "seconds",
    labels: { queue },
    services: redisLookers,
    shared: true,
  },

  // Storing.
  confab_jobs_total: {
    type: "counter",
    help: "Ends of jobs: completed, failed (and tried again unless it makes no sense), stalled (its worker died or hung)",
    labels: { queue, outcome: ["completed", "failed", "stalled"] },
    services: ["worker"],
  },
  confab_consumer_restarts_total: {
    type: "counter",
    help: "Consumers that were replaced with their connections because jobs waited and none was taken",
    services: ["worker"],
  },
  confab_messages_stored_total: { type: "counter", help: "Messages committed to the database", services: ["worker"] },
  confab_messages_renumbered_total: {
    type: "counter",
    help: "Messages whose number another one had, stored under a new number",
    services: ["worker"],
  },
  confab_messages_dead_lettered_total: {
    type: "counter",
    help: "Messages that the database refused",
    services: ["worker"],
  },
  confab_store_batch_messages: {
    type: "histogram",
    help: "Messages in a transaction",
    buckets: [1, 4, 16, 64, 256, 1024, 4096],
    services: ["worker"],
  },
  confab_store_duration_seconds: {
    type: "histogram",
    help: "Time of a storing transaction",
    unit: "seconds",
    buckets: storeTimes,
    services: ["worker"],
  },
  confab_store_retries_total: { type: "counter", help: "Pauses because the database was away", services: ["worker"] },
  confab_batches_lost_total: {
    type: "counter",
    help: "Accepted batches whose messages Redis lost before they were stored, by eviction for example",
    services: ["worker"],
  },
  confab_batches_requeued_total: {
    type: "counter",
    help: "Overdue batches that were woken again",
    services: ["worker"],
  },
  confab_accepted_to_stored_seconds: {
    type: "histogram",
    help: "From a message's acceptance to its commit in the database",
    unit: "seconds",
    buckets: ways,
    services: ["worker"],
  },

  // Indexing.
  confab_messages_indexed_total: { type: "counter", help: "Messages written to the index", services: ["worker"] },
  confab_messages_index_refused_total: {
    type: "counter",
    help: "Messages that the index refused",
    services: ["worker"],
  },
  confab_index_missing_total: {
    type: "counter",
    help: "Stored messages that the reconciliation found missing from the search index and put back into the outbox",
    services: ["worker"],
  },
  confab_index_batch_size: {
    type: "histogram",
    help: "Messages in a bulk sent to the index",
    buckets: [1, 4, 16, 64, 256, 1024],
    services: ["worker"],
  },
  confab_index_duration_seconds: {
    type: "histogram",
    help: "Time of a bulk in the index",
    unit: "seconds",
    buckets: storeTimes,
    services: ["worker"],
  },
  confab_index_drain_duration_seconds: {
    type: "histogram",
    help: "Time to take ranges from the search outbox, read their messages and index them",
    unit: "seconds",
    buckets: storeTimes,
    services: ["worker"],
  },
  confab_stored_to_searchable_seconds: {
    type: "histogram",
    help: "From a message's commit in the database to the index' word that it has it; a search finds it within a second more",
    unit: "seconds",
    buckets: ways,
    services: ["worker"],
  },
  confab_accepted_to_searchable_seconds: {
    type: "histogram",
    help: "From a message's acceptance to the index' word that it has it; a search finds it within a second more",
    unit: "seconds",
    buckets: ways,
    services: ["worker"],
  },
  confab_indexing_paused: { type: "gauge", help: "1 while indexing is paused because the index or the database is unavailable", services: ["worker"] },

  // What lies in MySQL.
  confab_outbox_ranges: {
    type: "gauge",
    help: "Ranges of messages that are not yet in the index; counted up to 100,000",
    services: databaseLookers,
    shared: true,
  },
  confab_outbox_oldest_age_seconds: {
    type: "gauge",
    help: "How long the oldest range has waited for the index; 0 when none does",
    unit: "seconds",
    services: databaseLookers,
    shared: true,
  },
  confab_dead_letters: {
    type: "gauge",
    help: "Messages that the database refused and that wait for an operator; counted up to 100,000",
    services: databaseLookers,
    shared: true,
  },
  confab_counts_checked_total: {
    type: "counter",
    help: "Counts compared with COUNT(*), a few at random every few minutes",
    labels: { count },
    services: ["worker"],
  },
  confab_counts_wrong_total: {
    type: "counter",
    help: "Counts that differed from COUNT(*) when compared",
    labels: { count },
    services: ["worker"],
  },

  // The stores themselves.
  confab_dependency_up: {
    type: "gauge",
    help: "1 while a store answers this process; partitions: 1 while the servers of all partitions do; settings: 1 while no setting of a store is refused",
    labels: { dependency: ["redis", "database", "search", "partitions", "settings"] },
    services: everywhere,
  },
  confab_database_pool_sessions: {
    type: "gauge",
    help: "Database sessions of this process",
    labels: { state: ["used", "idle"] },
    services: everywhere,
  },
  confab_database_pool_limit: { type: "gauge", help: "Most database sessions of this process", services: everywhere },
  confab_database_pool_waiting: { type: "gauge", help: "Queries that wait for a session", services: everywhere },
  confab_database_connections: {
    type: "gauge",
    help: "Sessions that the database server has, of everybody",
    services: databaseLookers,
    shared: true,
  },
  confab_database_max_connections: {
    type: "gauge",
    help: "Most sessions that the database server allows",
    services: databaseLookers,
    shared: true,
  },
  confab_redis_used_memory_bytes: {
    type: "gauge",
    help: "Memory that Redis uses; of a cluster, its fullest master",
    unit: "bytes",
    services: redisLookers,
    shared: true,
  },
  confab_redis_max_memory_bytes: {
    type: "gauge",
    help: "Redis' maxmemory, of the same server; 0 where none is set",
    unit: "bytes",
    services: redisLookers,
    shared: true,
  },
  confab_redis_evicted_keys: {
    type: "gauge",
    help: "Keys that Redis evicted since it started; must stay 0, since it evicts what must not be lost",
    services: redisLookers,
    shared: true,
  },
  confab_redis_aof_enabled: {
    type: "gauge",
    help: "1 while every master writes an append-only file",
    services: redisLookers,
    shared: true,
  },
  confab_redis_aof_last_write_ok: {
    type: "gauge",
    help: "1 while the last write of every master's append-only file succeeded",
    services: redisLookers,
    shared: true,
  },
  confab_redis_aof_delayed_fsyncs: {
    type: "gauge",
    help: "Fsyncs that Redis delayed since it started: the disk does not keep up",
    services: redisLookers,
    shared: true,
  },
  confab_redis_fsync_policy: {
    type: "gauge",
    help: "1 for the appendfsync policy in effect, the weakest of a cluster's; 0 everywhere where Redis does not tell",
    labels: { policy: ["always", "everysec", "no"] },
    services: redisLookers,
    shared: true,
  },
  confab_redis_clients: { type: "gauge", help: "Connections that Redis has", services: redisLookers, shared: true },
  confab_redis_commands: {
    type: "gauge",
    help: "Commands that Redis processed since it started",
    services: redisLookers,
    shared: true,
  },
  confab_redis_cpu_seconds: {
    type: "gauge",
    help: "Processor time of Redis since it started, of a cluster its busiest master",
    unit: "seconds",
    services: redisLookers,
    shared: true,
  },

  confab_build_info: {
    type: "gauge",
    help: "The version of Confab; always 1",
    labels: { version },
    services: everywhere,
  },
} as const satisfies Record<string, MetricRow>;

/** Every metric that a service of Confab exports, and no other: instruments, docs, dashboards and rules go by it. */
export const metricCatalogue = { ...confabMetrics, ...processMetrics } as const satisfies Record<string, MetricRow>;

export type MetricCatalogue = typeof metricCatalogue;
