import { availableParallelism, cpus, type as system } from "node:os";
import type { PhaseResult } from "./phases.ts";
import type { World } from "./world.ts";

export interface Round extends PhaseResult {
  readonly design: "Confab" | "plain";
  readonly round: number;
}

/** The machine and the versions: a figure means nothing without them. */
export function describeMachine({ versions }: World) {
  return {
    date: new Date().toISOString().slice(0, 10),
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? "unknown",
    system: `${system()} ${process.arch}`,
    node: process.version,
    redis: `${versions.redis} (appendfsync ${versions.appendfsync})`,
    mysql: versions.mysql,
  };
}

/** Medians over the verified rounds, and A ÷ B; null where nothing was measured. */
export function summarise(rounds: readonly Round[]) {
  const names = new Set(rounds.flatMap((round) => Object.keys(round.figures)));
  return [...names].map((figure) => {
    const [a, b] = (["Confab", "plain"] as const).map((design) =>
      median(
        rounds
          .filter((round) => round.design === design && round.faults.length === 0)
          .flatMap((round) => round.figures[figure] ?? []),
      ),
    ) as [number | null, number | null];
    return { figure, confab: a, plain: b, ratio: a === null || b === null || b === 0 ? null : a / b };
  });
}

/** Renders the summary as a Markdown table. */
export function table(summary: ReturnType<typeof summarise>): string {
  const rows = [
    ["median", "Confab (A)", "plain (B)", "A ÷ B"],
    ...summary.map(({ figure, confab, plain, ratio }) => [figure, show(confab), show(plain), show(ratio, 2)]),
  ];
  return tableOf(rows);
}

/** Formats rows as a Markdown table. The first row is the heading; all columns but the first are figures. */
export function tableOf(rows: readonly string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join("\n");
}

/** Formats a figure, or a dash for null. */
export function show(value: number | null, digits = value !== null && value < 100 ? 1 : 0): string {
  return value === null
    ? "–"
    : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Returns null for an empty list. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return null;
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!;
}
