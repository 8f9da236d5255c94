import type { AlertCase } from "./alert-case.ts";
import { burnCases } from "./burn-cases.ts";

const worker = 'horizontalpodautoscaler="keda-hpa-confab-worker",namespace="chat"';
const desired = `kube_horizontalpodautoscaler_status_desired_replicas{${worker}}`;
const most = `kube_horizontalpodautoscaler_spec_max_replicas{${worker}}`;
const oldest = 'confab_pending_oldest_age_seconds{namespace="chat"}';
const disk = 'namespace="chat",persistentvolumeclaim="data-confab-mysql-0"';
const free = `kubelet_volume_stats_available_bytes{${disk}}`;
const size = `kubelet_volume_stats_capacity_bytes{${disk}}`;
const migration = 'kube_job_failed{condition="true",namespace="chat",job_name="confab-migrate-2"}';
const used = 'confab_redis_used_memory_bytes{namespace="chat"}';
const limit = 'confab_redis_max_memory_bytes{namespace="chat"}';
const up = (service: string, instance: string) =>
  `up{job="confab",namespace="chat",service="${service}",instance="${instance}"}`;
const page = { namespace: "chat", severity: "page" };
const ticket = { namespace: "chat", severity: "ticket" };

export const alertCases: Readonly<Record<string, AlertCase>> = {
  ConfabErrorBudgetBurn: burnCases("errors"),
  ConfabLatencyBudgetBurn: burnCases("latency"),
  ConfabOldestPendingTooOld: {
    // From the second minute on it is over one.
    fires: [{ series: [['confab_pending_oldest_age_seconds{namespace="chat"}', "0+60x30"]], after: 4, labels: page }],
    silent: [
      { series: [["confab_pending_oldest_age_seconds", "60x30"]] },
      { series: [["confab_pending_oldest_age_seconds", "0 70 70 50 70 70 50x25"]] },
    ],
  },
  ConfabQueueGrowing: {
    fires: [
      {
        // Each replica shows the same backlog.
        series: [
          ['confab_messages_pending{namespace="chat",instance="a"}', "0+1200x60"],
          ['confab_messages_pending{namespace="chat",instance="b"}', "0+1200x60"],
        ],
        labels: ticket,
      },
    ],
    silent: [
      { series: [["confab_messages_pending", "20000+540x60"]], after: 60 },
      // Fast, and over before it is much.
      { series: [["confab_messages_pending", "0+1200x7 8400x50"]], after: 58 },
      // Much and fast, but over within the ten minutes.
      { series: [["confab_messages_pending", "0+3000x8 24000-3000x8 0x40"]], after: 57 },
      { series: [["confab_messages_pending", "100000-1000x60"]], after: 60 },
      // Two replicas that show 6,000 are not 12,000.
      {
        series: [
          ['confab_messages_pending{instance="a"}', "0+700x8 6000+1x40"],
          ['confab_messages_pending{instance="b"}', "0+700x8 6000+1x40"],
        ],
      },
    ],
  },
  ConfabConsumersRestarted: {
    fires: [{ series: [['confab_consumer_restarts_total{namespace="chat"}', "0 0 4x30"]], after: 5, labels: ticket }],
    silent: [
      // A host vanished, and a worker noticed.
      { series: [["confab_consumer_restarts_total", "0 0 1x40"]] },
      { series: [["confab_consumer_restarts_total", "100x40"]] },
    ],
  },
  ConfabMessagesDeadLettered: {
    fires: [{ series: [['confab_dead_letters{namespace="chat"}', "0 0 1x30"]], after: 3, labels: ticket }],
    silent: [
      { series: [["confab_dead_letters", "0x30"]] },
      // Discarded or retried within the minute.
      { series: [["confab_dead_letters", "0 1 0x28"]] },
    ],
  },
  ConfabSearchLagHigh: {
    fires: [{ series: [['confab_outbox_oldest_age_seconds{namespace="chat"}', "0+60x30"]], after: 9, labels: ticket }],
    silent: [
      { series: [["confab_outbox_oldest_age_seconds", "120x30"]] },
      { series: [["confab_outbox_oldest_age_seconds", "0 150x4 0 150x4 0x20"]] },
    ],
  },
  ConfabHeadsReseeded: {
    fires: [
      {
        series: [['confab_chat_heads_loaded_total{reason="reseed",namespace="chat"}', "0x20 500x10"]],
        after: 26,
        labels: ticket,
      },
      // Of two replicas together.
      {
        series: [
          ['confab_chat_heads_loaded_total{reason="reseed",namespace="chat",instance="a"}', "0x20 80x10"],
          ['confab_chat_heads_loaded_total{reason="reseed",namespace="chat",instance="b"}', "0x20 80x10"],
        ],
        after: 26,
        labels: ticket,
      },
    ],
    silent: [
      { series: [['confab_chat_heads_loaded_total{reason="reseed"}', "0x20 80x10"]] },
      { series: [['confab_chat_heads_loaded_total{reason="reseed"}', "0+8x30"]] },
      { series: [['confab_chat_heads_loaded_total{reason="new"}', "0+1000x30"]] },
    ],
  },
  ConfabCountsWrong: {
    fires: [
      {
        series: [['confab_counts_wrong_total{count="messages_count",namespace="chat"}', "0x10 1x20"]],
        after: 12,
        labels: { ...ticket, count: "messages_count" },
      },
      // A worker that has just begun, and found it at once.
      {
        series: [['confab_counts_wrong_total{count="messages_count",namespace="chat"}', "_x10 1x20"]],
        after: 12,
        labels: { ...ticket, count: "messages_count" },
      },
    ],
    silent: [
      { series: [['confab_counts_wrong_total{count="messages_count"}', "0x70"]], after: 70 },
      { series: [['confab_counts_checked_total{count="messages_count"}', "0+20x30"]] },
    ],
  },
  ConfabStoreUnreachable: {
    fires: [
      {
        series: [
          ['confab_dependency_up{namespace="chat",service="api",dependency="search",instance="a"}', "1 0x30"],
          ['confab_dependency_up{namespace="chat",service="api",dependency="search",instance="b"}', "1 0x30"],
          ['confab_dependency_up{namespace="chat",service="api",dependency="redis",instance="a"}', "1x30"],
        ],
        after: 4,
        labels: { ...page, service: "api", dependency: "search" },
      },
    ],
    silent: [
      // One replica that is cut off is no outage.
      {
        series: [
          ['confab_dependency_up{service="api",dependency="search",instance="a"}', "0x30"],
          ['confab_dependency_up{service="api",dependency="search",instance="b"}', "1x30"],
        ],
      },
      { series: [['confab_dependency_up{service="api",dependency="search"}', "1 0 0 1x27"]] },
    ],
  },
  ConfabRedisMemoryHigh: {
    fires: [
      {
        series: [
          [used, "501x30"],
          [limit, "1000x30"],
        ],
        after: 6,
        labels: page,
      },
    ],
    silent: [
      {
        series: [
          [used, "500x30"],
          [limit, "1000x30"],
        ],
      },
      {
        series: [
          [used, "0 900x4 0x25"],
          [limit, "1000x30"],
        ],
      },
      // Without a limit nothing fills up.
      {
        series: [
          [used, "600x30"],
          [limit, "0x30"],
        ],
      },
    ],
  },
  ConfabRedisEvicting: {
    fires: [
      { series: [['confab_redis_evicted_keys{namespace="chat"}', "0x10 3x20"]], after: 11, labels: page },
      { series: [['confab_redis_evicted_keys{namespace="chat"}', "0x10 1x20"]], after: 11, labels: page },
    ],
    silent: [{ series: [["confab_redis_evicted_keys", "0x30"]] }],
  },
  ConfabRedisAofFailing: {
    fires: [
      {
        series: [
          ['confab_redis_aof_last_write_ok{namespace="chat"}', "1 0x30"],
          ['confab_redis_aof_enabled{namespace="chat"}', "1x30"],
        ],
        after: 3,
        labels: page,
      },
      // Off altogether: then its last write is not known to have failed.
      {
        series: [
          ['confab_redis_aof_last_write_ok{namespace="chat"}', "1x30"],
          ['confab_redis_aof_enabled{namespace="chat"}', "1 0x30"],
        ],
        after: 3,
        labels: page,
      },
    ],
    silent: [
      {
        series: [
          ["confab_redis_aof_last_write_ok", "1x30"],
          ["confab_redis_aof_enabled", "1x30"],
        ],
      },
      {
        series: [
          ["confab_redis_aof_last_write_ok", "1 0 1x28"],
          ["confab_redis_aof_enabled", "1x30"],
        ],
      },
    ],
  },
  ConfabDiskFillingUp: {
    fires: [
      {
        series: [
          [free, "9x30"],
          [size, "100x30"],
        ],
        after: 20,
        labels: { ...ticket, persistentvolumeclaim: "data-confab-mysql-0" },
      },
      // A third is left, and gone in less than three days.
      {
        series: [
          [free, "35-0.01x30"],
          [size, "100x30"],
        ],
        after: 20,
        labels: { ...ticket, persistentvolumeclaim: "data-confab-mysql-0" },
      },
    ],
    silent: [
      {
        series: [
          [free, "11x30"],
          [size, "100x30"],
        ],
      },
      // As fast, but from half: a backup or a compaction does that.
      {
        series: [
          [free, "50-0.01x30"],
          [size, "100x30"],
        ],
      },
      // A third is left, and would be gone in a week.
      {
        series: [
          [free, "35-0.003x30"],
          [size, "100x30"],
        ],
      },
      // Somebody else's disk.
      {
        series: [
          ['kubelet_volume_stats_available_bytes{persistentvolumeclaim="data-wiki-0"}', "1x30"],
          ['kubelet_volume_stats_capacity_bytes{persistentvolumeclaim="data-wiki-0"}', "100x30"],
        ],
      },
    ],
  },
  ConfabTargetDown: {
    fires: [
      {
        series: [[up("worker", "a"), "1 0x30"]],
        after: 4,
        labels: { ...page, job: "confab", service: "worker", instance: "a" },
      },
      // The targets of a service are gone from Prometheus' list, and others are there.
      {
        series: [
          [up("ingest", "a"), "1x5 _x30"],
          [up("api", "b"), "1x40"],
        ],
        after: 15,
        labels: { ...page, service: "ingest" },
      },
    ],
    silent: [
      {
        series: [
          [up("worker", "a"), "1 0 0 1x27"],
          ['up{job="other",namespace="chat",service="worker"}', "0x30"],
        ],
      },
      // A pod took another's place.
      {
        series: [
          [up("ingest", "a"), "1x5 _x30"],
          [up("ingest", "b"), "_x4 1x30"],
          [up("api", "c"), "1x40"],
        ],
      },
      // A component that was never there, and all of it removed.
      { series: [[up("api", "c"), "1x40"]] },
      {
        series: [
          [up("ingest", "a"), "1x5 _x30"],
          [up("api", "b"), "1x5 _x30"],
        ],
      },
      // Scaled to none, as KEDA may; waiting messages have an alert of their own.
      {
        series: [
          [up("worker", "a"), "1x5 _x30"],
          [up("api", "b"), "1x40"],
        ],
      },
    ],
  },
  ConfabWorkersAtMax: {
    fires: [
      {
        series: [
          [desired, "20x30"],
          [most, "20x30"],
          [oldest, "6x30"],
        ],
        after: 16,
        labels: { ...ticket, horizontalpodautoscaler: "keda-hpa-confab-worker" },
      },
    ],
    silent: [
      {
        series: [
          [desired, "19x30"],
          [most, "20x30"],
          [oldest, "30x30"],
        ],
      },
      {
        series: [
          [desired, "20x30"],
          [most, "20x30"],
          [oldest, "5x30"],
        ],
      },
      // Messages wait, but in another installation.
      {
        series: [
          [desired, "20x30"],
          [most, "20x30"],
          ['confab_pending_oldest_age_seconds{namespace="other"}', "30x30"],
        ],
      },
    ],
  },
  ConfabMigrationFailed: {
    fires: [
      {
        series: [[migration, "0 1x30"]],
        after: 3,
        labels: { ...page, job_name: "confab-migrate-2" },
      },
    ],
    silent: [
      { series: [[migration, "0x30"]] },
      { series: [[migration, "0 1 0x28"]] },
      { series: [['kube_job_failed{condition="true",namespace="chat",job_name="wiki-migrate-2"}', "1x30"]] },
      { series: [['kube_job_failed{condition="false",namespace="chat",job_name="confab-migrate-2"}', "1x30"]] },
    ],
  },
};
