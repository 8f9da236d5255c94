import { metricCatalogue } from "./catalogue.ts";
import type { LabelBound, MetricRow } from "./metric-row.ts";

const intro = `# Metrics

Every service serves \`/metrics\` on its admin port in Prometheus' text format. This page lists all of its metrics. It is made
from the catalogue in \`packages/metrics\` by \`make generate\`.

Besides the labels below, every series has the label \`service\`: ingest, api or worker. The number of series does not grow
with traffic: a label has the listed values or a stated maximum number of values. Confab's own metrics replace any further
value by \`other\`.

A **shared** metric shows the same value in every replica: one process reads it and shares it through Redis. Take its \`max\`, never
its \`sum\`. A shared gauge disappears while nobody can read the store, or a replica does not get the values: it is not exported when it is older than three reading intervals
(2 seconds for Redis, 10 seconds for MySQL), and \`confab_snapshot_age_seconds\` shows its age. A shared counter starts at 0 with
the process and counts what happened in the store since then; only its increase has a meaning.`;

const longestList = 12;

/** Returns docs/reference/metrics.md. */
export function metricsPage(): string {
  const entries = Object.entries<MetricRow>(metricCatalogue);
  const ours = entries.filter(([name]) => !/^(process|nodejs)_/.test(name));
  const theirs = entries.filter((entry) => !ours.includes(entry));
  return `${[intro, "## Confab", table(ours), "## The process", table(theirs)].join("\n\n")}\n`;
}

function table(entries: readonly [string, MetricRow][]): string {
  const rows = entries.map(([name, row]) => {
    const type = [row.type, row.unit, ...(row.shared ? ["**shared**"] : [])].filter((part) => part !== undefined);
    const buckets = row.buckets ? `. Buckets: ${row.buckets.join(", ")}` : "";
    return `| \`${name}\` | ${type.join(", ")} | ${labelsOf(row)} | ${row.services.join(", ")} | ${row.help}${buckets} |`;
  });
  return ["| Metric | Type | Labels | Services | Meaning |", "| --- | --- | --- | --- | --- |", ...rows].join("\n");
}

function labelsOf({ labels = {} }: MetricRow): string {
  const bounds = Object.entries(labels).map(([label, bound]) => `\`${label}\`: ${boundOf(bound)}`);
  return bounds.length > 0 ? bounds.join("<br>") : "none";
}

function boundOf(bound: LabelBound): string {
  if ("atMost" in bound) return `at most ${bound.atMost}. ${bound.because}`;
  return bound.length > longestList ? "[the codes of problems](problems.md)" : bound.join(", ");
}
