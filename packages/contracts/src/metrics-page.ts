import type { LabelBound, MetricRow } from "./metric-row.ts";
import { metricCatalogue } from "./metrics.ts";

const intro = `# Metrics

Every service answers \`/metrics\` on its admin port in Prometheus' format; these are all of its metrics. Each series has the
label \`service\` (ingest, api or worker) besides those below. No label can grow with traffic: its values are listed here, or
there are at most as many as it says; anything else counts as \`other\`. Of a **shared** gauge every replica shows the same
fact, one that lies in a store: take its \`max\`, never its \`sum\`. This page is made from the catalogue by \`make generate\`.`;

/** docs/reference/metrics.md. */
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
  return bound.length > 12 ? "[the codes of problems](problems.md)" : bound.join(", ");
}
