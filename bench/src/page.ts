import { costsText } from "./costs.ts";
import { figuresTable, goalsTable } from "./report.ts";
import { capacityRow } from "./rows/capacity.ts";
import type { RowResult } from "./results.ts";
import type { Row } from "./rows/row.ts";

/** Renders the results of all measured rows as a Markdown page. */
export function createPage(rows: readonly Row[], results: readonly RowResult[]): string {
  const measured = rows.flatMap((row) => {
    const result = results.find(({ name }) => name === row.name);
    return result === undefined ? [] : [{ row, result }];
  });
  const sections = measured.map(({ row, result }) => [
    `### ${row.title}`,
    `\`${result.command}\`, ${result.date.slice(0, 10)}, ${loadsOf(result)}${voidsOf(result)}`,
    figuresTable(result),
    ...(row === capacityRow ? [costsText(results) ?? ""] : []),
  ]);
  const text = [
    "# Benchmarks",
    "This page shows what `make bench ARGS=--write` measured and wrote. [bench/README.md](../../bench/README.md) explains how, and what it does not measure.",
    "## Goals",
    "A figure is the median of all verified rounds, with the lowest and the highest. A ratio is that of the medians. Load, services and stores share one machine.",
    goalsTable(rows, results),
    "## All figures",
    ...machinesOf(results),
    ...sections.flat(),
  ];
  return `${text.join("\n\n")}\n`;
}

function loadsOf({ rounds }: RowResult): string {
  const loads = rounds.map(({ loadAverage }) => loadAverage);
  return `load average before a round ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
}

function voidsOf({ rounds }: RowResult): string {
  const voids = rounds.filter(({ faults }) => faults.length > 0);
  return voids.map(({ side, round, faults }) => `; round ${round} of ${side} is void: ${faults.join(", ")}`).join("");
}

/** Returns one paragraph per machine. If there are several machines, each paragraph names the rows measured on it. */
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
