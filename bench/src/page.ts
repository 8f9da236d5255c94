import { costsText } from "./costs.ts";
import { drawBars, type Bar } from "./plot.ts";
import { figuresTable, goalsTable, show } from "./report.ts";
import { judge, sidesOf, spreadOf, type RowResult } from "./results.ts";
import { acceptRows } from "./rows/accept.ts";
import { capacityRow } from "./rows/capacity.ts";
import { latencyFigure, latencyRow, percentiles, rates } from "./rows/latency.ts";
import { acceptedFigure, cpuFigure } from "./rows/measure-accepting.ts";
import type { Row } from "./rows/row.ts";

/** The files of the result page by name. */
export function createPage(rows: readonly Row[], results: readonly RowResult[]): Record<string, string> {
  const measured = rows.flatMap((row) => {
    const result = results.find(({ name }) => name === row.name);
    return result === undefined ? [] : [{ row, result }];
  });
  const plots = Object.entries(createPlots(results));
  const sections = measured.map(({ row, result }) => [
    `### ${row.title}`,
    `\`${result.command}\`, ${result.date.slice(0, 10)}, ${loadsOf(result)}${voidsOf(result)}`,
    figuresTable(result),
    ...(row === capacityRow ? [costsText(results) ?? ""] : []),
  ]);
  const text = [
    "# Benchmarks",
    "<!-- Generated from results.json by npm run generate -w bench. -->",
    "This page shows what `make bench` measured. [bench/README.md](../../bench/README.md) explains how, and what it does not measure.",
    "## Goals",
    "A figure is the median of all verified rounds, with the lowest and the highest. A ratio is that of the medians. Load, services and stores share one machine.",
    goalsTable(rows, results),
    ...plots.map(([name, { alt }]) => `![${alt}](${name})`),
    "## All figures",
    ...machinesOf(results),
    ...sections.flat(),
  ];
  return {
    ...Object.fromEntries(plots.map(([name, { svg }]) => [name, svg])),
    "README.md": `${text.join("\n\n")}\n`,
  };
}

const source = "`make bench` |";

/** Replaces the lines of a table that came from `make bench` by the goals that matter most, if any was measured. */
export function replaceFigures(text: string, rows: readonly Row[], results: readonly RowResult[]): string {
  const figures = rows.flatMap((row) => tellingLines(row, results));
  const lines = text.split("\n");
  const first = lines.findIndex((line) => line.endsWith(source));
  if (first === -1 || figures.length === 0) return text;
  const others = lines.slice(first).filter((line) => !line.endsWith(source));
  return [...lines.slice(0, first), ...figures, ...others].join("\n");
}

function tellingLines(row: Row, results: readonly RowResult[]): string[] {
  const result = results.find(({ name }) => name === row.name);
  return row.goals.flatMap((goal) => {
    const judged = result && goal.telling !== undefined ? judge(result.rounds, goal) : undefined;
    if (result === undefined || judged === undefined) return [];
    const { of, against, value } = judged;
    const compared = against ? `; ${goal.against!}: ${show(against.median)} (${show(value, 2)} ×)` : "";
    return [`| ${goal.telling!} | ${show(of.median)}${compared} | ${result.date.slice(0, 10)}, ${source}`];
  });
}

function createPlots(results: readonly RowResult[]): Record<string, { alt: string; svg: string }> {
  const rate = acceptPlot(results, "Accepted messages per second (line: lowest to highest round)", acceptedFigure);
  const cpu = acceptPlot(
    results,
    "CPU time per message, service and Redis, µs (line: lowest to highest round)",
    cpuFigure,
  );
  const latency = plotOf(
    "Latency at fixed rates, from the scheduled time, ms (line: lowest to highest round)",
    rates.flatMap((rate) =>
      percentiles.map((percentile) => ({
        label: `${show(rate, 0)}/s, ${percentile}`,
        result: results.find(({ name }) => name === latencyRow.name),
        figure: latencyFigure(percentile, rate),
      })),
    ),
    "logarithmic",
  );
  return Object.fromEntries(
    Object.entries({ "accepted.svg": rate, "cpu.svg": cpu, "latency.svg": latency }).flatMap(([name, plot]) =>
      plot === undefined ? [] : [[name, plot]],
    ),
  );
}

function acceptPlot(results: readonly RowResult[], title: string, figure: string) {
  const groups = acceptRows
    .filter(({ name }) => name !== "accept-1")
    .map(({ name, label }) => ({ label, result: results.find((result) => result.name === name), figure }));
  return plotOf(title, groups, "linear");
}

interface PlotGroup {
  readonly label: string;
  readonly result: RowResult | undefined;
  readonly figure: string;
}

function plotOf(title: string, groups: readonly PlotGroup[], scale: "linear" | "logarithmic") {
  const drawn = groups
    .map(({ label, result, figure }) => ({ label, bars: barsOf(result, figure) }))
    .filter(({ bars }) => bars.length > 0);
  return drawn.length === 0 ? undefined : { alt: title, svg: drawBars({ title, groups: drawn, scale }) };
}

function barsOf(result: RowResult | undefined, figure: string): Bar[] {
  const rounds = result?.rounds ?? [];
  return sidesOf(rounds).flatMap((series) => {
    const spread = spreadOf(rounds, series, figure);
    return spread === undefined ? [] : [{ series, spread, label: show(spread.median) }];
  });
}

function loadsOf({ rounds }: RowResult): string {
  const loads = rounds.map(({ loadAverage }) => loadAverage);
  return `load average before a round ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
}

function voidsOf({ rounds }: RowResult): string {
  const voids = rounds.filter(({ faults }) => faults.length > 0);
  return voids.map(({ side, round, faults }) => `; round ${round} of ${side} is void: ${faults.join(", ")}`).join("");
}

/** One paragraph per machine, with the rows that it measured if there are several. */
function machinesOf(results: readonly RowResult[]): string[] {
  const described = results.map(({ name, machine }) => ({
    name,
    text: Object.entries(machine)
      .map(([what, value]) => `${what}: ${value}`)
      .join(" · "),
  }));
  const machines = Map.groupBy(described, ({ text }) => text);
  return [...machines].map(([text, of]) =>
    machines.size === 1 ? text : `${of.map(({ name }) => name).join(", ")}: ${text}`,
  );
}
