import { graph, type DashboardPlan } from "../panel.ts";
import { installation, quantiles, rate, shared } from "../queries.ts";
import { health } from "./overview-health.ts";
import { limits } from "./overview-limits.ts";

export const overview: DashboardPlan = {
  uid: "confab-overview",
  title: "Confab / Overview",
  description: "Is it healthy, does it keep up, how long do messages take, who sends most, what runs out first?",
  rows: [
    health,
    {
      title: "Does it keep up?",
      panels: [
        graph({
          title: "Messages per second",
          description: "The three lines should coincide. A gap between them is a growing backlog.",
          unit: "ops",
          queries: [
            { expr: rate("confab_messages_accepted_total", installation), legend: "accepted" },
            { expr: rate("confab_messages_stored_total", installation), legend: "stored" },
            { expr: rate("confab_messages_indexed_total", installation), legend: "indexed" },
          ],
        }),
        graph({
          title: "Pending messages",
          description: "Accepted and not stored yet. Bursts are normal; it must return to nearly 0.",
          unit: "short",
          queries: [{ expr: shared("confab_messages_pending"), legend: "pending" }],
          alerts: ["ConfabQueueGrowing"],
          badAt: 10_000,
          noValue: "unknown: Redis is not reached",
        }),
        graph({
          title: "Age of the oldest",
          description: "How long the oldest message has waited for MySQL, and the oldest range for the search index.",
          unit: "s",
          queries: [
            { expr: shared("confab_pending_oldest_age_seconds"), legend: "to be stored" },
            { expr: shared("confab_outbox_oldest_age_seconds"), legend: "to be indexed" },
          ],
          warnAt: 10,
          badAt: 60,
          alerts: ["ConfabOldestPendingTooOld", "ConfabSearchLagHigh"],
        }),
      ],
    },
    {
      title: "How long does a message take?",
      panels: [
        graph({
          title: "Accepted to stored",
          description: "Measured for each message when its transaction commits. Empty while nothing is stored.",
          unit: "s",
          queries: quantiles("confab_accepted_to_stored_seconds", installation),
          badAt: 5,
          noValue: "nothing was stored",
        }),
        graph({
          title: "Stored to searchable",
          description:
            "From the commit until the index has the message; a search finds it at most a second later. Empty while nothing is indexed.",
          unit: "s",
          queries: quantiles("confab_stored_to_searchable_seconds", installation),
          badAt: 5,
          noValue: "nothing was indexed",
        }),
        graph({
          title: "Accepted to searchable",
          description:
            "The whole way. Empty while the index is unavailable: see the age of the oldest then. The objective is 99 % within 10 seconds.",
          unit: "s",
          queries: quantiles("confab_accepted_to_searchable_seconds", installation),
          badAt: 10,
          alerts: ["ConfabSearchBudgetBurn"],
          noValue: "nothing was indexed",
        }),
      ],
    },
    limits,
  ],
};
