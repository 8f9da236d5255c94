import type { Alert } from "./alert.ts";

/** Alerts about messages on their way into the database and the index. */
export const messageAlerts: readonly Alert[] = [
  {
    name: "ConfabOldestPendingTooOld",
    expr: "max by (namespace) (confab_pending_oldest_age_seconds) > 60",
    for: "2m",
    severity: "page",
    summary: "Accepted messages are not being stored",
    description: "The oldest accepted message has waited {{ $value | humanizeDuration }} for the database.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabQueueGrowing",
    expr: "deriv(max by (namespace) (confab_messages_pending)[15m:1m]) > 10 and max by (namespace) (confab_messages_pending) > 10000",
    for: "10m",
    severity: "ticket",
    summary: "More messages come in than are stored",
    description: "The backlog grows by {{ $value | humanize }} messages a second and is over 10,000.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabConsumersRestarted",
    expr: "sum by (namespace) (increase(confab_consumer_restarts_total[30m])) > 2",
    for: "1m",
    severity: "ticket",
    summary: "Workers stop taking jobs although jobs wait",
    description: "Consumers had to be replaced {{ $value | humanize }} times in the last half hour.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabMessagesDeadLettered",
    expr: "max by (namespace) (confab_dead_letters) > 0",
    for: "1m",
    severity: "ticket",
    summary: "The database refuses messages",
    description: "{{ $value }} accepted messages are dead letters and wait for an operator.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabSearchLagHigh",
    expr: "max by (namespace) (confab_outbox_oldest_age_seconds) > 120",
    for: "5m",
    severity: "ticket",
    summary: "Stored messages are not being found by search",
    description: "The oldest stored message has waited {{ $value | humanizeDuration }} for the index.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabHeadsReseeded",
    expr: 'sum by (namespace) (increase(confab_chat_heads_loaded_total{reason="reseed"}[10m])) > 100',
    for: "1m",
    severity: "ticket",
    summary: "Redis has forgotten the last numbers of chats",
    description: "The last numbers of {{ $value | humanize }} chats were looked up in MySQL again within ten minutes.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabCountsWrong",
    // The second half: the first look of a new worker finds it before anybody has seen its counter at 0.
    expr: "sum by (namespace, count) (increase(confab_counts_wrong_total[1h])) > 0 or sum by (namespace, count) (confab_counts_wrong_total unless confab_counts_wrong_total offset 1h) > 0",
    for: "1m",
    severity: "ticket",
    summary: "A count differs from the rows that are there",
    description: "{{ $value | humanize }} of the spot checks of {{ $labels.count }} in the last hour differed.",
    dashboard: "confab-queue",
  },
];
