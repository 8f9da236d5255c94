import { grew, unlessFiring, type Alert } from "./alert.ts";

const pending = "max by (namespace) (confab_messages_pending)";
const reseeded = 'sum by (namespace) (increase(confab_chat_heads_loaded_total{reason="reseed"}[10m]))';

/** Alerts about accepting and storing messages. */
export const messageAlerts: readonly Alert[] = [
  {
    name: "ConfabOldestPendingTooOld",
    expr: `max by (namespace) (confab_pending_oldest_age_seconds) > 60 ${unlessFiring("ConfabStoreUnreachable", "10m", ',dependency="database"')}`,
    for: "2m",
    severity: "critical",
    summary: "Accepted messages are not being stored",
    description: "The oldest accepted message has been pending for {{ $value | humanizeDuration }}.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabQueueGrowing",
    expr: `deriv(${pending}[15m:1m]) > 10 and ${pending} > 10000`,
    for: "10m",
    severity: "warning",
    summary: "More messages are accepted than stored",
    description: "More than 10,000 messages are pending, and their number grows by {{ $value | humanize }} per second.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabMessagesRenumbered",
    expr: grew("confab_messages_renumbered_total", "1h"),
    for: "0m",
    severity: "critical",
    summary: "Messages were stored under other numbers than their senders know",
    description:
      "{{ $value | humanize }} acknowledged messages got a new number in the last hour because another message had theirs.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabIdempotencyKeysHigh",
    expr: "max by (namespace, application) (confab_top_application_keys_used_ratio) > 0.7",
    for: "5m",
    severity: "warning",
    summary: "An application has used most of its idempotency keys",
    description:
      "Application {{ $labels.application }} has used {{ $value | humanizePercentage }} of its idempotency keys without a time. At 100% its messages with new ones are refused.",
    dashboard: "confab-overview",
  },
  {
    name: "ConfabBatchesLost",
    expr: grew("confab_batches_lost_total", "1h"),
    for: "0m",
    severity: "critical",
    summary: "Redis lost accepted messages",
    description: "Redis lost {{ $value | humanize }} batches in the last hour before their messages were stored.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabMessagesDeadLettered",
    expr: "max by (namespace) (confab_dead_letters) > 0",
    for: "1m",
    severity: "warning",
    summary: "Messages became dead letters",
    description: "{{ $value }} accepted messages are dead letters; an operator must retry or drop them.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabJobsFailing",
    expr: 'sum by (namespace, queue) (increase(confab_jobs_total{outcome="failed"}[10m])) > 5',
    for: "5m",
    severity: "warning",
    summary: "Jobs of the queue {{ $labels.queue }} fail repeatedly",
    description: "{{ $value | humanize }} jobs of the queue {{ $labels.queue }} failed in the last ten minutes.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabConsumersRestarted",
    expr: "sum by (namespace) (increase(confab_consumer_restarts_total[30m])) > 2",
    for: "1m",
    severity: "warning",
    summary: "Workers stop taking jobs although jobs wait",
    description:
      "Workers replaced their connections to the queue {{ $value | humanize }} times in the last 30 minutes.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabHeadsReseeded",
    expr: `${reseeded} > 100 and ${reseeded} > 0.05 * sum by (namespace) (increase(confab_messages_accepted_total[10m]))`,
    for: "1m",
    severity: "warning",
    summary: "Redis lost the last numbers of chats",
    description:
      "The last numbers of {{ $value | humanize }} known chats were loaded from MySQL in the last ten minutes.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabCountsWrong",
    expr: grew("confab_counts_wrong_total", "1h", "namespace, count"),
    for: "1m",
    severity: "warning",
    summary: "A count differs from its rows",
    description: "{{ $value | humanize }} spot checks of {{ $labels.count }} differed in the last hour.",
    dashboard: "confab-queue",
  },
];
