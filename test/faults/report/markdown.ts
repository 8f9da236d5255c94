import { readings, upperBound, type Row } from "./summary.ts";
import { invariantList, legend, limits, size, time } from "./words.ts";

/** The report as Markdown; timelines are files beside it. */
export function toMarkdown(rows: readonly Row[]): string {
  const runs = rows.reduce((total, row) => total + row.runs, 0);
  const invalid = rows.flatMap((row) => row.invalid);
  return [
    "# What the fault suite found",
    "",
    `${rows.length} faults, ${runs} runs, ${invalid.length} of them invalid. Made by \`make faults\`; do not edit.`,
    "",
    "## Known limits",
    "",
    ...limits.map((limit) => `- ${limit}`),
    "",
    "## Verdicts",
    "",
    table(
      [
        "fault",
        "seeds",
        "invalid",
        "attempted",
        "ok",
        "info",
        "failed",
        "lost",
        "dupl.",
        "reord.",
        "stale",
        "recovered",
        "recovery",
      ],
      rows.map((row) => [
        `[${row.fault.name}](#${row.fault.name})`,
        row.runs,
        row.invalid.length === 0 ? `0 (≤ ${upperBound(row.runs)} %)` : `**${row.invalid.length}**`,
        ...[row.attempted, row.ok, row.info, row.failed],
        withDocumented(row.lost, row.documentedLost),
        ...[row.duplicated, row.reordered],
        withDocumented(row.stale, row.documentedStale),
        row.recovered,
        `${time(row.recoveryMs.median)} / ${time(row.recoveryMs.max)}`,
      ]),
    ),
    "",
    legend,
    "",
    "## Stable latency, histories, memory",
    "",
    table(
      [
        "fault",
        ...readings.map((reading) => `${reading}, p99 / max`),
        "operations",
        "histories",
        "peak RSS",
        "longest block",
      ],
      rows.map((row) => [
        row.fault.name,
        ...readings.map((reading) => `${time(row.stable[reading].p99)} / ${time(row.stable[reading].max)}`),
        ...[row.operations, size(row.historyBytes), size(row.peakRssBytes), time(row.longestBlockMs)],
      ]),
    ),
    "",
    "## Invariants",
    "",
    ...invariantList.map(([name, says]) => `- **${name}**: ${says}`),
    "",
    "## Timelines",
    "",
    "Green: acknowledged. Yellow: unknown. Red: refused. Grey: the fault.",
    "",
    ...rows.flatMap((row) => [
      `### ${row.fault.name}`,
      "",
      `${row.fault.title}. Seed ${row.shown.seed}:`,
      "",
      `![${row.fault.name}](timelines/${row.fault.name}.svg)`,
      "",
      ...row.invalid.flatMap(({ seed, anomalies }) =>
        anomalies.map(
          ({ invariant, count, examples }) => `- seed ${seed}, ${invariant} × ${count}: ${examples[0] ?? ""}`,
        ),
      ),
      ...(row.invalid.length > 0 ? [""] : []),
    ]),
  ].join("\n");
}

function withDocumented(count: number, documented: number): string {
  return documented === 0 ? String(count) : `${count} (${documented})`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}
