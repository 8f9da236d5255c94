/** A series as promtool writes it, a value a minute: `1+2x10` is 1, 3, … 21; the first is at 0. */
type Series = readonly [name: string, values: string];

/** When an alert fires, and when a near miss does not. */
export interface AlertCase {
  readonly fires: readonly Series[];
  readonly silent: readonly Series[];
  /** Minutes after which is looked; default 30. */
  readonly after?: number;
}

const requests = 'http_requests_total{status="201"}';
const failures = 'http_requests_total{status="503"}';
const all = 'http_request_duration_seconds_count{route="/messages"}';
const fast = 'http_request_duration_seconds_bucket{route="/messages",le="0.25"}';
const desired =
  'kube_horizontalpodautoscaler_status_desired_replicas{horizontalpodautoscaler="keda-hpa-confab-worker"}';
const most = 'kube_horizontalpodautoscaler_spec_max_replicas{horizontalpodautoscaler="keda-hpa-confab-worker"}';
const free = 'kubelet_volume_stats_available_bytes{persistentvolumeclaim="data-confab-mysql-0"}';
const size = 'kubelet_volume_stats_capacity_bytes{persistentvolumeclaim="data-confab-mysql-0"}';
const migration = 'kube_job_failed{condition="true",job_name="confab-migrate-2"}';
const used = "confab_redis_used_memory_bytes";
const limit = "confab_redis_max_memory_bytes";

export const alertCases: Readonly<Record<string, AlertCase>> = {
  ConfabErrorBudgetBurn: {
    fires: [
      [requests, "0+600x120"],
      [failures, "0+60x120"],
    ],
    silent: [[requests, "0+600x120"]],
    after: 120,
  },
  ConfabLatencyBudgetBurn: {
    fires: [
      [all, "0+600x120"],
      [fast, "0+300x120"],
    ],
    silent: [
      [all, "0+600x120"],
      [fast, "0+599x120"],
    ],
    after: 120,
  },
  ConfabOldestPendingTooOld: {
    fires: [["confab_oldest_pending_seconds", "0+60x30"]],
    silent: [["confab_oldest_pending_seconds", "0 50 0 70 0 40x25"]],
  },
  ConfabQueueGrowing: {
    fires: [["confab_messages_pending", "0+3000x60"]],
    silent: [["confab_messages_pending", "100000-1000x60"]],
    after: 60,
  },
  ConfabMessagesDeadLettered: {
    fires: [["confab_dead_letters", "0 0 1x30"]],
    silent: [["confab_dead_letters", "0x30"]],
  },
  ConfabSearchLagHigh: {
    fires: [["confab_outbox_oldest_seconds", "0+60x30"]],
    silent: [["confab_outbox_oldest_seconds", "90x30"]],
  },
  ConfabHeadsReseeded: {
    fires: [['confab_heads_learned_total{kind="again"}', "0x20 500x10"]],
    silent: [
      ['confab_heads_learned_total{kind="again"}', "0+1x30"],
      ['confab_heads_learned_total{kind="first"}', "0+1000x30"],
    ],
    after: 26,
  },
  ConfabCountsWrong: {
    fires: [['confab_counts_wrong_total{count="messages_count"}', "0x10 1x20"]],
    silent: [['confab_counts_wrong_total{count="messages_count"}', "1x30"]],
  },
  ConfabStoreUnreachable: {
    fires: [['confab_dependency_up{service="api",dependency="search"}', "1 0x30"]],
    // One replica that is cut off is no outage.
    silent: [
      ['confab_dependency_up{service="api",dependency="search",instance="a"}', "0x30"],
      ['confab_dependency_up{service="api",dependency="search",instance="b"}', "1x30"],
    ],
  },
  ConfabRedisMemoryHigh: {
    fires: [
      [used, "600x30"],
      [limit, "1000x30"],
    ],
    silent: [
      [used, "600x30"],
      [limit, "0x30"],
    ],
  },
  ConfabRedisEvicting: {
    fires: [["confab_redis_evicted_keys", "0x10 3x20"]],
    silent: [["confab_redis_evicted_keys", "0x30"]],
  },
  ConfabRedisAofFailing: {
    fires: [
      ["confab_redis_aof_last_write_ok", "1 0x30"],
      ["confab_redis_aof_enabled", "1x30"],
    ],
    silent: [
      ["confab_redis_aof_last_write_ok", "1x30"],
      ["confab_redis_aof_enabled", "1x30"],
    ],
  },
  ConfabDiskFillingUp: {
    fires: [
      [free, "9x30"],
      [size, "100x30"],
    ],
    silent: [
      [free, "30x30"],
      [size, "100x30"],
    ],
  },
  ConfabTargetDown: {
    fires: [['up{job="confab",service="worker",instance="a"}', "1 0x30"]],
    silent: [
      ['up{job="confab",service="worker",instance="a"}', "1x30"],
      ['up{job="other"}', "0x30"],
    ],
  },
  ConfabWorkersAtMax: {
    fires: [
      [desired, "20x30"],
      [most, "20x30"],
      ["confab_oldest_pending_seconds", "30x30"],
    ],
    silent: [
      [desired, "20x30"],
      [most, "20x30"],
      ["confab_oldest_pending_seconds", "1x30"],
    ],
  },
  ConfabMigrationFailed: {
    fires: [[migration, "0 1x30"]],
    silent: [[migration, "0x30"]],
  },
};
