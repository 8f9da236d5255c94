import { objectives } from "../objectives.ts";
import { graph, stat, table, type DashboardPlan } from "../panel.ts";
import { installation, quantiles, rate, shared } from "../queries.ts";

const { availability, latency } = objectives;
const n = `{${installation}}`;

export const overview: DashboardPlan = {
  uid: "confab-overview",
  title: "Confab / Overview",
  description: "Is it healthy, is it keeping up, how long do messages take, who is loud, what runs out first?",
  rows: [
    {
      title: "Is it healthy?",
      panels: [
        stat({
          title: "Availability, 1 h",
          description: `Part of the requests not answered with 5xx. The objective is ${availability.objective * 100} % over 30 days.`,
          unit: "percentunit",
          queries: [{ expr: `1 - max(${availability.ratio}1h${n})`, legend: "available" }],
          alerts: ["ConfabErrorBudgetBurn"],
          lowIsBad: true,
          warnAt: 0.9995,
          badAt: availability.objective,
          max: 1,
        }),
        stat({
          title: "Error budget left, 3 d",
          description:
            "Part of the error budget that the last three days would leave, were the month to go on like this.",
          unit: "percentunit",
          queries: [{ expr: `1 - max(${availability.ratio}3d${n}) / ${availability.budget}`, legend: "left" }],
          lowIsBad: true,
          warnAt: 0.5,
          badAt: 0.1,
          max: 1,
        }),
        stat({
          title: "Burn rate, 1 h",
          description:
            "1 uses the month's error budget up in a month; 14.4 uses 2 % of it in an hour and wakes somebody.",
          unit: "none",
          queries: [{ expr: `max(${availability.ratio}1h${n}) / ${availability.budget}`, legend: "burn rate" }],
          warnAt: 1,
          badAt: 14.4,
        }),
        stat({
          title: `Answered within ${latency.fastSeconds * 1000} ms, 1 h`,
          description: `Part of the requests. The objective is ${latency.objective * 100} % over 30 days.`,
          unit: "percentunit",
          queries: [{ expr: `1 - max(${latency.ratio}1h${n})`, legend: "fast" }],
          alerts: ["ConfabLatencyBudgetBurn"],
          lowIsBad: true,
          warnAt: 0.995,
          badAt: latency.objective,
          max: 1,
        }),
        stat({
          title: "Stores not reached",
          description: "Connections of a replica to Redis, MySQL or Elasticsearch that do not answer. Must be 0.",
          unit: "none",
          queries: [{ expr: `sum(1 - confab_dependency_up${n})`, legend: "not reached" }],
          alerts: ["ConfabStoreUnreachable"],
          badAt: 1,
        }),
        stat({
          title: "Dead letters",
          description: "Messages that the database refused and that wait for an operator (`confabctl dead-letters`).",
          unit: "none",
          queries: [{ expr: shared("confab_dead_letters"), legend: "dead letters" }],
          badAt: 1,
          alerts: ["ConfabMessagesDeadLettered"],
        }),
        table({
          title: "Alerts that fire",
          description: "Their names lead to their runbooks. Empty is well. Needs the chart's rules in this Prometheus.",
          unit: "none",
          queries: [
            {
              expr: `max by (alertname, severity, service, dependency, window) (ALERTS{${installation},alertname=~"Confab.*",alertstate="firing"})`,
              legend: "{{alertname}} {{severity}} {{service}} {{dependency}} {{window}}",
            },
          ],
          emptyWhenWell: true,
          width: 24,
        }),
      ],
    },
    {
      title: "Is it keeping up?",
      panels: [
        graph({
          title: "Messages a second",
          description: "Accepted, stored and indexed should lie on each other; a gap is a backlog that grows.",
          unit: "ops",
          queries: [
            { expr: rate("confab_messages_accepted_total", installation), legend: "accepted" },
            { expr: rate("confab_messages_stored_total", installation), legend: "stored" },
            { expr: rate("confab_messages_indexed_total", installation), legend: "indexed" },
          ],
        }),
        graph({
          title: "Messages pending",
          description: "Accepted and not yet stored. Bursts are normal; it must come back to near 0.",
          unit: "short",
          queries: [{ expr: shared("confab_messages_pending"), legend: "pending" }],
          alerts: ["ConfabQueueGrowing"],
          badAt: 10_000,
        }),
        graph({
          title: "Age of the oldest that waits",
          description: "For the database, and for the search index. Above a minute something stands still.",
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
          description: "Measured on the messages themselves when their transaction commits.",
          unit: "s",
          queries: quantiles("confab_accepted_to_stored_seconds", installation),
          badAt: 5,
        }),
        graph({
          title: "Stored to searchable",
          description: "From the commit until the index has the message; a search finds it within a second more.",
          unit: "s",
          queries: quantiles("confab_stored_to_searchable_seconds", installation),
          badAt: 10,
        }),
        graph({
          title: "Accepted to searchable",
          description:
            "The whole way. While the index is away nothing arrives here, so look at the age of the oldest too.",
          unit: "s",
          queries: quantiles("confab_accepted_to_searchable_seconds", installation),
          badAt: 15,
        }),
      ],
    },
    {
      title: "Which application is loud, and what runs out first?",
      panels: [
        graph({
          title: "The loudest applications",
          description:
            "Messages a second by application, the ten loudest of each replica, by the beginning of their tokens.",
          unit: "ops",
          queries: [
            {
              expr: `topk(10, sum by (application) (confab_top_application_messages_per_second${n}))`,
              legend: "{{application}}",
            },
          ],
        }),
        graph({
          title: "Messages refused",
          description:
            "By reason; rate-limited is a loud application that is held back, overloaded is Confab at its limit.",
          unit: "ops",
          queries: [{ expr: rate("confab_messages_refused_total", installation, "reason"), legend: "{{reason}}" }],
          stacked: true,
        }),
        graph({
          title: "What runs out first",
          description:
            "Used parts of what is limited; the highest line is the next bottleneck. Messages are refused from 60 % of Redis' memory on.",
          unit: "percentunit",
          queries: [
            {
              expr: `${shared("confab_redis_used_memory_bytes")} / (${shared("confab_redis_max_memory_bytes")} > 0)`,
              legend: "Redis' memory",
            },
            {
              expr: `${shared("confab_database_connections")} / ${shared("confab_database_max_connections")}`,
              legend: "MySQL's sessions",
            },
            {
              expr: `max by (service) (sum by (service, instance) (confab_database_pool_sessions{${installation},state="used"}) / sum by (service, instance) (confab_database_pool_limit${n}))`,
              legend: "pool of {{service}}",
            },
            {
              expr: `max by (service) (rate(process_cpu_seconds_total{${installation},service=~"ingest|api|worker"}[$__rate_interval]))`,
              legend: "a core by {{service}}",
            },
            {
              expr: `max by (persistentvolumeclaim) (1 - kubelet_volume_stats_available_bytes{${installation},persistentvolumeclaim=~"data-.*-(mysql|redis|elasticsearch)-[0-9]+"} / kubelet_volume_stats_capacity_bytes)`,
              legend: "disk {{persistentvolumeclaim}}",
            },
          ],
          warnAt: 0.5,
          badAt: 0.8,
          max: 1,
          alerts: ["ConfabRedisMemoryHigh", "ConfabDiskFillingUp"],
        }),
      ],
    },
  ],
};
