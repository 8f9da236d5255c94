import { badRatio, fastSeconds, objectives, searchableSeconds, type Objective } from "../objectives.ts";
import { stat, table, type Row } from "../panel.ts";
import { installation, shared } from "../queries.ts";

const { requests, requestTimes, messages, searchable } = objectives;
const n = `{${installation}}`;
const firing = `ALERTS{${installation},alertname=~"Confab.*",alertstate="firing"}`;

/** Returns PromQL for the fraction of bad events in the selected namespaces. */
function selected(objective: Objective, window: string): string {
  return badRatio(objective, window).replaceAll(/:rate\w+/g, (name) => `${name}${n}`);
}

function good(objective: Objective, window: string): string {
  return `1 - max(${selected(objective, window)})`;
}

function budgetLeft(title: string, objective: Objective, what: string, alert: string) {
  return stat({
    title,
    description: `Part of the error budget of the last 30 days that is left. The budget: ${what}. Below 0 the objective is missed. Covers less time where Prometheus keeps less.`,
    unit: "percentunit",
    queries: [{ expr: `1 - max(${selected(objective, "30d")}) / ${objective.budget}`, legend: "left" }],
    alerts: [alert],
    lowIsBad: true,
    warnAt: 0.5,
    badAt: 0.1,
    max: 1,
    noValue: "no traffic",
    width: 6,
  });
}

/** First row of the overview dashboard, which shows whether the installation is healthy. */
export const health: Row = {
  title: "Is it healthy?",
  panels: [
    stat({
      title: "Firing alerts",
      description: "Alerts that fire now; the list below names them. Needs the chart's rules in this Prometheus.",
      unit: "none",
      queries: [{ expr: `count(${firing})`, legend: "firing" }],
      badAt: 1,
      noValue: "none",
    }),
    stat({
      title: "Oldest pending message",
      description:
        "How long the oldest accepted message has waited to be stored. Above a minute nothing is being stored.",
      unit: "s",
      queries: [{ expr: shared("confab_pending_oldest_age_seconds"), legend: "age" }],
      warnAt: 10,
      badAt: 60,
      noValue: "unknown: Redis is not reached",
      alerts: ["ConfabOldestPendingTooOld"],
    }),
    stat({
      title: "Failing store checks",
      description: "Checks of Redis, MySQL or Elasticsearch that fail, over all replicas. Must be 0.",
      unit: "none",
      queries: [{ expr: `sum(1 - confab_dependency_up${n})`, legend: "failing" }],
      alerts: ["ConfabStoreUnreachable", "ConfabReplicaCutOff"],
      badAt: 1,
      noValue: "no targets",
    }),
    stat({
      title: "Dead letters",
      description: "Messages that cannot be stored; retry or drop them with `confabctl dead-letters`.",
      unit: "none",
      queries: [{ expr: shared("confab_dead_letters"), legend: "dead letters" }],
      badAt: 1,
      noValue: "unknown: MySQL is not reached",
      alerts: ["ConfabMessagesDeadLettered"],
    }),
    stat({
      title: "Successful requests, 1 h",
      description: `Part of the requests that did not fail with a 5xx status. The objective is ${requests.target * 100} % over 30 days.`,
      unit: "percentunit",
      queries: [{ expr: good(requests, "1h"), legend: "successful" }],
      alerts: ["ConfabErrorBudgetBurn"],
      explore: ["logs", "traces"],
      lowIsBad: true,
      warnAt: 0.9995,
      badAt: requests.target,
      max: 1,
      noValue: "no traffic",
    }),
    stat({
      title: `Requests within ${fastSeconds * 1000} ms, 1 h`,
      description: `Part of the requests other than batch requests. The objective is ${requestTimes.target * 100} % over 30 days.`,
      unit: "percentunit",
      queries: [{ expr: good(requestTimes, "1h"), legend: "fast" }],
      alerts: ["ConfabLatencyBudgetBurn"],
      lowIsBad: true,
      warnAt: 0.995,
      badAt: requestTimes.target,
      max: 1,
      noValue: "no traffic",
    }),
    budgetLeft(
      "Budget left: messages, 30 d",
      messages,
      "0.1 % of the sent messages may be refused because Confab is unavailable or overloaded",
      "ConfabMessageBudgetBurn",
    ),
    budgetLeft(
      "Budget left: requests, 30 d",
      requests,
      "0.1 % of the requests may fail with a 5xx status",
      "ConfabErrorBudgetBurn",
    ),
    budgetLeft(
      "Budget left: fast requests, 30 d",
      requestTimes,
      "1 % of the requests may take more than 250 ms",
      "ConfabLatencyBudgetBurn",
    ),
    budgetLeft(
      "Budget left: searchable, 30 d",
      searchable,
      `1 % of the messages may be searchable later than ${searchableSeconds} seconds`,
      "ConfabSearchBudgetBurn",
    ),
    table({
      title: "Alerts that fire",
      description: "Each name links to its runbook.",
      unit: "none",
      queries: [
        {
          expr: `max by (alertname, severity, service, pod, dependency, window) (${firing})`,
          legend: "",
        },
      ],
      noValue: "no alert fires",
      width: 24,
      height: 4,
    }),
  ],
};
