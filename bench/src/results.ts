import type { Goal, Measured } from "./rows/row.ts";

/** One measurement of one side of a row. */
export interface Round extends Measured {
  readonly round: number;
  readonly side: string;
  /** The machine's load average over the minute before the measurement. */
  readonly loadAverage: number;
}

/** All measurements of a row, with the command and the machine that produced them. */
export interface RowResult {
  readonly name: string;
  readonly date: string;
  readonly command: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly rounds: readonly Round[];
}

export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

export interface Judged {
  readonly of: Spread;
  readonly against: Spread | undefined;
  /** The ratio of the medians, or the median itself if the goal compares nothing. */
  readonly value: number;
  readonly verdict: "aim" | "pass" | "below";
}

/** Returns the names of the sides, in the order in which they were measured. */
export function sidesOf(rounds: readonly Round[]): string[] {
  return [...new Set(rounds.map(({ side }) => side))];
}

/**
 * Returns the spread of one side's figure over the verified rounds. Returns undefined if no verified round has the
 * figure.
 */
export function spreadOf(rounds: readonly Round[], side: string, figure: string): Spread | undefined {
  const values = rounds
    .filter((round) => round.side === side && round.faults.length === 0)
    .flatMap((round) => round.figures[figure] ?? []);
  const middle = median(values);
  return middle === undefined
    ? undefined
    : { median: middle, lowest: Math.min(...values), highest: Math.max(...values) };
}

/** Judges a goal by medians. Returns undefined if a side has no verified figure. */
export function judge(rounds: readonly Round[], { figure, of, against, better, pass, aim }: Goal): Judged | undefined {
  const own = spreadOf(rounds, of, figure);
  const other = against === undefined ? undefined : spreadOf(rounds, against, figure);
  if (own === undefined || (against !== undefined && other === undefined)) return undefined;
  const value = other === undefined ? own.median : own.median / other.median;
  const reaches = (goal: number) => (better === "higher" ? value >= goal : value <= goal);
  return { of: own, against: other, value, verdict: reaches(aim) ? "aim" : reaches(pass) ? "pass" : "below" };
}

/** Returns the median. Returns undefined if the list is empty. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle) && middle > 0
    ? (sorted[middle - 1]! + sorted[middle]!) / 2
    : sorted[Math.floor(middle)];
}
