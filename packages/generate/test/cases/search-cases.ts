import type { AlertCase } from "./alert-case.ts";
import { ticket, unreachable } from "./labels.ts";

/** Cases of the alerts about indexing messages. */
export const searchCases: Readonly<Record<string, AlertCase>> = {
  ConfabSearchLagHigh: {
    fires: [{ series: ['confab_outbox_oldest_age_seconds{namespace="chat"} 0+60x30'], after: 9, labels: ticket }],
    silent: [
      { series: ["confab_outbox_oldest_age_seconds 120x30"] },
      { series: ["confab_outbox_oldest_age_seconds 0 150x4 0 150x4 0x20"] },
      // Elasticsearch is unavailable, which its own alert reports.
      { series: ['confab_outbox_oldest_age_seconds{namespace="chat"} 0+60x30', unreachable("search")] },
    ],
  },
  ConfabIndexRefusesMessages: {
    fires: [{ series: ['confab_messages_index_refused_total{namespace="chat"} 0x10 1x20'], after: 13, labels: ticket }],
    silent: [
      { series: ["confab_messages_index_refused_total 0x30"] },
      { series: ["confab_messages_indexed_total 0+100x30"] },
    ],
  },
  ConfabIndexRecreated: {
    fires: [
      { series: ['confab_index_recreated_total{namespace="chat"} 0x10 1x20'], after: 12, labels: ticket },
      // A worker found the new index when it started.
      { series: ['confab_index_recreated_total{namespace="chat"} _x10 1x20'], after: 12, labels: ticket },
    ],
    silent: [{ series: ["confab_index_recreated_total 0x30"] }],
  },
  ConfabIndexIncomplete: {
    fires: [
      { series: ['confab_index_missing_total{namespace="chat"} 0x10 3x20'], after: 13, labels: ticket },
      // A worker found the missing messages when it started.
      { series: ['confab_index_missing_total{namespace="chat"} _x10 3x20'], after: 13, labels: ticket },
    ],
    silent: [
      { series: ["confab_index_missing_total 0x30"] },
      // The index was created empty or refuses documents, which other alerts report.
      ...["confab_index_recreated_total", "confab_messages_index_refused_total"].map((cause) => ({
        series: [`${cause}{namespace="chat"} 0x10 1x20`, 'confab_index_missing_total{namespace="chat"} 0x12 3+3x20'],
      })),
    ],
    ends: [{ series: ['confab_index_missing_total{namespace="chat"} 0x10 3x80'], after: 90 }],
  },
};
