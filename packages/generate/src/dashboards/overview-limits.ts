import { confabJob } from "../objectives.ts";
import { graph, stat, type Row } from "../panel.ts";
import { installation, rate, shared, sharedRate } from "../queries.ts";

const n = `{${installation}}`;
const hpa = `${installation},horizontalpodautoscaler=~".*-worker"`;
/** Selects the processes of Confab, because other applications have metrics with the same names. */
const processes = `${confabJob},${installation},service=~"ingest|api|worker"`;
const containers = 'container=~"ingest|api|worker"';

/** Last row of the overview dashboard, which shows who sends most and what runs out first. */
export const limits: Row = {
  title: "Which application sends most, and what runs out first?",
  panels: [
    graph({
      title: "Applications that send most",
      width: 6,
      description: "Messages per second by application: the ten with the most, by the beginning of their tokens.",
      unit: "ops",
      queries: [
        {
          expr: `topk(10, sum by (application) (confab_top_application_messages_per_second${n}))`,
          legend: "{{application}}",
        },
      ],
      noValue: "nothing was sent",
    }),
    graph({
      title: "Used idempotency keys",
      width: 6,
      description:
        "Used part of the limited idempotency keys, which carry no time, for the ten applications with the most. At 100 % new ones are refused.",
      unit: "percentunit",
      queries: [
        {
          expr: `topk(10, max by (application) (confab_top_application_keys_used_ratio${n}))`,
          legend: "{{application}}",
        },
      ],
      warnAt: 0.7,
      badAt: 1,
      alerts: ["ConfabIdempotencyKeysHigh"],
      noValue: "no limited keys are used",
    }),
    graph({
      title: "Refused messages",
      width: 6,
      description:
        "By reason. rate-limited, idempotency-keys-used-up: an application is over its limit. overloaded, busy, sending-unavailable, storage-unavailable: Confab is.",
      unit: "ops",
      queries: [{ expr: rate("confab_messages_refused_total", installation, "reason"), legend: "{{reason}}" }],
      alerts: ["ConfabMessageBudgetBurn"],
      stacked: true,
      noValue: "nothing was refused",
    }),
    graph({
      title: "Use of limited resources",
      width: 6,
      description:
        "Used parts of limited resources; the highest line is the next bottleneck. From 60 % of Redis' memory on, messages are refused.",
      unit: "percentunit",
      queries: [
        {
          expr: `${shared("confab_redis_used_memory_bytes")} / (${shared("confab_redis_max_memory_bytes")} > 0)`,
          legend: "Redis memory",
        },
        { expr: sharedRate("confab_redis_cpu_seconds_total"), legend: "Redis processor (one core)" },
        {
          expr: `${shared("confab_pending_fullest_partition_messages")} / ${shared("confab_pending_partition_limit_messages")}`,
          legend: "pending messages of MAX_PENDING",
        },
        {
          expr: `${shared("confab_database_connections")} / ${shared("confab_database_max_connections")}`,
          legend: "MySQL connections",
        },
        {
          expr: `max by (service) (sum by (service, instance) (confab_database_pool_sessions{${installation},state="used"}) / sum by (service, instance) (confab_database_pool_limit${n}))`,
          legend: "connection pool of {{service}}",
        },
        {
          expr: `max by (service) (rate(process_cpu_seconds_total{${processes}}[$__rate_interval]))`,
          legend: "processor of {{service}} (one core)",
        },
        {
          expr: `max by (service) (process_resident_memory_bytes{${processes}} / on (namespace, pod) group_left () kube_pod_container_resource_limits{${installation},resource="memory",${containers}})`,
          legend: "memory of {{service}} pods",
        },
        {
          expr: `max by (service) (process_open_fds{${processes}} / process_max_fds)`,
          legend: "file descriptors of {{service}}",
        },
        {
          expr: `max(kube_horizontalpodautoscaler_status_desired_replicas{${hpa}} / kube_horizontalpodautoscaler_spec_max_replicas)`,
          legend: "workers of the maximum",
        },
        {
          expr: `max by (persistentvolumeclaim) (1 - kubelet_volume_stats_available_bytes{${installation},persistentvolumeclaim=~"data-.*-(mysql|redis|elasticsearch)-[0-9]+"} / kubelet_volume_stats_capacity_bytes)`,
          legend: "disk {{persistentvolumeclaim}}",
        },
      ],
      warnAt: 0.5,
      badAt: 0.8,
      max: 1,
      alerts: [
        "ConfabRedisMemoryHigh",
        "ConfabDatabaseConnectionsHigh",
        "ConfabDiskFillingUp",
        "ConfabRedisDiskNearlyFull",
      ],
    }),
    stat({
      title: "Age of the last backup",
      description: "Time since the CronJob of the chart last dumped the database and restored the dump.",
      unit: "s",
      queries: [
        {
          expr: `time() - max(kube_cronjob_status_last_successful_time{${installation},cronjob=~".*-backup"})`,
          legend: "age",
        },
      ],
      warnAt: 93_600,
      badAt: 259_200,
      noValue: "none yet, or not the chart's",
      alerts: ["ConfabBackupFailing", "ConfabBackupMissing"],
      width: 24,
    }),
  ],
};
