import { judge, sidesOf, spreadOf, type RowResult, type Spread } from "./results.ts";
import type { Row } from "./rows/row.ts";

/** Returns the goals of all measured rows, as a Markdown table with medians, ranges and verdicts. */
export function goalsTable(rows: readonly Row[], results: readonly RowResult[]): string {
  const lines = rows.flatMap((row) => {
    const rounds = results.find(({ name }) => name === row.name)?.rounds ?? [];
    return row.goals.flatMap((goal) => {
      const judged = judge(rounds, goal);
      if (judged === undefined) return [];
      const { of, against, value, verdict } = judged;
      const target = [goal.pass, goal.aim].map((target) => show(target, Number.isInteger(target) ? 0 : 2));
      return [
        [
          goal.title,
          against ? showSpread(against) : "",
          showSpread(of),
          against ? show(value, 2) : "",
          ...target,
          verdict,
        ],
      ];
    });
  });
  return tableOf([["goal", "compared with", "Confab", "ratio", "pass", "aim", "reaches"], ...lines]);
}

/** Returns all figures of a row by side, as a Markdown table. */
export function figuresTable({ rounds }: RowResult): string {
  const sides = sidesOf(rounds);
  const figures = [...new Set(rounds.flatMap((round) => Object.keys(round.figures)))];
  return tableOf([
    ["figure", ...sides],
    ...figures.map((figure) => [figure, ...sides.map((side) => showSpread(spreadOf(rounds, side, figure)))]),
  ]);
}

/** Formats rows as a Markdown table. The first row is the heading; all columns but the first are figures. */
export function tableOf(rows: readonly string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join("\n");
}

/** Formats a median with its range. Returns a dash if the spread is undefined. */
export function showSpread(spread: Spread | undefined): string {
  if (spread === undefined) return "–";
  const digits = digitsOf(spread.median);
  return `${show(spread.median, digits)} (${show(spread.lowest, digits)} – ${show(spread.highest, digits)})`;
}

/** Formats a figure. By default, the number of decimals depends on its size. */
export function show(value: number, digits = digitsOf(value)): string {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function digitsOf(value: number): number {
  return value < 10 ? 2 : value < 100 ? 1 : 0;
}
