import { readings, upperBound, type Row } from "./summary.ts";
import { drawTimeline, escape } from "./timeline.ts";
import { invariantList, legend, limits, lossSentence, size, time } from "./words.ts";

const style = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 13px; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
.invalid { color: #c8553d; font-weight: bold; }
svg { width: 100%; max-width: 60rem; }
`;

/** Renders the report as one self-contained page that includes the timelines. */
export function toHtml(rows: readonly Row[]): string {
  const runs = rows.reduce((total, row) => total + row.runs, 0);
  const invalid = rows.reduce((total, row) => total + row.invalid.length, 0);
  const cells = (values: readonly (string | number)[]) =>
    values.map((value) => `<td>${escape(String(value))}</td>`).join("");
  const verdicts = rows.map((row) => {
    const { attempted, ok, info, failed, changes, events, duplicated, reordered, recovered } = row;
    const share = row.invalid.length === 0 ? `0 (≤ ${upperBound(row.runs)} %)` : String(row.invalid.length);
    const bracket = (count: number, documented: number) => (documented === 0 ? count : `${count} (${documented})`);
    return `<tr><td><a href="#${row.fault.name}">${row.fault.name}</a></td><td>${row.runs}</td><td${row.invalid.length > 0 ? ' class="invalid"' : ""}>${share}</td>${cells([attempted, ok, info, failed, changes, events, bracket(row.lost, row.documentedLost), duplicated, reordered, bracket(row.stale, row.documentedStale), recovered, `${time(row.recoveryMs.median)} / ${time(row.recoveryMs.max)}`])}</tr>`;
  });
  const details = rows.map(
    (row) =>
      `<tr>${cells([row.fault.name, ...readings.map((reading) => `${time(row.stable[reading].p50)} / ${time(row.stable[reading].p99)} / ${time(row.stable[reading].max)}`), row.operations, size(row.historyBytes), size(row.peakRssBytes), time(row.longestBlockMs)])}</tr>`,
  );
  const timelines = rows.map((row) => {
    const wrong = row.invalid.flatMap(({ seed, anomalies }) =>
      anomalies.map(
        ({ invariant, count, examples }) =>
          `<li class="invalid">seed ${seed}, ${invariant} × ${count}: ${escape(examples.join("; "))}</li>`,
      ),
    );
    return `<h3 id="${row.fault.name}">${row.fault.name}</h3><p>${escape(row.fault.title)}. Seed ${row.shown.seed}.</p>${drawTimeline(row.shown)}<ul>${wrong.join("")}</ul>`;
  });
  const head = (names: readonly string[]) => `<tr>${names.map((name) => `<th>${name}</th>`).join("")}</tr>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Confab: fault suite results</title><style>${style}</style></head><body>
<h1>Fault suite results</h1>
<p>${rows.length} faults, ${runs} runs, ${invalid} invalid.</p>
<p>${escape(lossSentence(rows))}</p>
<h2>Known limits</h2><ul>${limits.map((limit) => `<li>${escape(limit)}</li>`).join("")}</ul>
<h2>Verdicts</h2><table>${head(["fault", "seeds", "invalid", "attempted", "ok", "info", "failed", "changes", "events", "lost", "duplicated", "reordered", "stale", "recovered", "recovery"])}${verdicts.join("\n")}</table>
<p>${escape(legend)}</p>
<h2>Stable latency (p50 / p99 / max), histories, memory</h2><table>${head(["fault", ...readings, "operations", "histories", "peak RSS", "longest block"])}${details.join("\n")}</table>
<h2>Invariants</h2><ul>${invariantList.map(([name, says]) => `<li><b>${name}</b>: ${escape(says)}</li>`).join("")}</ul>
<h2>Timelines</h2><p>Green: acknowledged. Yellow: outcome unknown. Red: refused. Grey: the fault.</p>
${timelines.join("\n")}
</body></html>
`;
}
