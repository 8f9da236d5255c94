import { grew, unlessFiring, type Alert } from "./alert.ts";

/** Alerts about indexing messages. */
export const searchAlerts: readonly Alert[] = [
  {
    name: "ConfabSearchLagHigh",
    expr: `max by (namespace) (confab_outbox_oldest_age_seconds) > 120 ${unlessFiring("ConfabStoreUnreachable", "10m", ',dependency=~"search|database"')}`,
    for: "5m",
    severity: "warning",
    summary: "Searches do not find the newest messages",
    description: "The oldest stored message has waited {{ $value | humanizeDuration }} to be indexed.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabIndexRefusesMessages",
    expr: grew("confab_messages_index_refused_total", "1h"),
    for: "1m",
    severity: "warning",
    summary: "The search index refused messages",
    description: "The search index refused {{ $value | humanize }} messages in the last hour; no search finds them.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabIndexRecreated",
    expr: grew("confab_index_recreated_total", "6h"),
    for: "0m",
    severity: "warning",
    summary: "The search index was missing and was created empty",
    description:
      "The search index was created empty {{ $value | humanize }} times in the last six hours: searches miss older messages until they are indexed again.",
    dashboard: "confab-queue",
  },
  {
    name: "ConfabIndexIncomplete",
    expr: `(${grew("confab_index_missing_total", "1h")}) ${unlessFiring("ConfabIndexRecreated|ConfabIndexRefusesMessages", "6h")}`,
    for: "1m",
    severity: "warning",
    summary: "Messages were missing from the search index",
    description:
      "{{ $value | humanize }} stored messages were missing from the search index in the last hour. They are indexed again.",
    dashboard: "confab-queue",
  },
];
