import { sidesOf, spreadOf, type RowResult } from "./results.ts";
import { tableOf, show } from "./report.ts";
import { batchFigure, capacityRow, checkedRates, rateOf } from "./rows/capacity.ts";

/** The CPU time that a process uses, in microseconds. */
export interface Costs {
  /** Used every second, with or without messages. */
  readonly second: number;
  readonly message: number;
  readonly batch: number;
}

/** A measured cost per message, with the load at which it was measured. */
export interface Point {
  /** Rate in messages per second. */
  readonly rate: number;
  readonly messagesPerBatch: number;
  /** CPU time per message, in microseconds. */
  readonly us: number;
}

/** Returns the cost per message for a rate and a batch size. */
export function costOf({ second, message, batch }: Costs, { rate, messagesPerBatch }: Omit<Point, "us">): number {
  return second / rate + message + batch / messagesPerBatch;
}

/**
 * Fits costs to measured points by the method of least squares, with relative errors and without negative costs. There
 * are only three unknowns, so it tries each subset of them: https://en.wikipedia.org/wiki/Non-negative_least_squares.
 */
export function fitCosts(points: readonly Point[]): Costs {
  const rows = points.map(({ rate, messagesPerBatch, us }) => [1 / rate / us, 1 / us, 1 / messagesPerBatch / us]);
  const fits = subsets.flatMap((columns) => {
    const found = solve(rows.map((row) => columns.map((column) => row[column]!)));
    if (found === undefined || found.some((value) => value < 0)) return [];
    const values = [0, 1, 2].map((column) => found[columns.indexOf(column)] ?? 0);
    const error = rows.reduce((sum, row) => sum + (row.reduce((to, x, at) => to + x * values[at]!, 0) - 1) ** 2, 0);
    return [{ values, error }];
  });
  const [second = 0, message = 0, batch = 0] = fits.sort((a, b) => a.error - b.error)[0]?.values ?? [];
  return { second, message, batch };
}

const subsets: readonly (readonly number[])[] = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]];

/** Solves the normal equations of `rows · x = 1`. Returns undefined if they have no unique solution. */
function solve(rows: readonly number[][]): number[] | undefined {
  const size = rows[0]!.length;
  const equations = Array.from({ length: size }, (_, i) => [
    ...Array.from({ length: size }, (_, j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
    rows.reduce((sum, row) => sum + row[i]!, 0),
  ]);
  for (let i = 0; i < size; i++) {
    const pivot = equations[i]![i]!;
    if (pivot <= Number.EPSILON * equations[i]!.at(-1)!) return undefined;
    for (let k = 0; k < size; k++) {
      if (k === i) continue;
      const factor = equations[k]![i]! / pivot;
      equations[k] = equations[k]!.map((value, j) => value - factor * equations[i]![j]!);
    }
  }
  return equations.map((equation, i) => equation.at(-1)! / equation[i]!);
}

/**
 * Returns the costs fitted to the row `capacity`, as Markdown, and compares them with the measurements that were not
 * used for the fit. Returns undefined if the row was not measured.
 */
export function costsText(results: readonly RowResult[]): string | undefined {
  const rounds = results.find(({ name }) => name === capacityRow.name)?.rounds ?? [];
  const processes = Object.keys(rounds[0]?.figures ?? {}).filter((figure) => figure !== batchFigure);
  const pointOf = (side: string, figure: string): Point | undefined => {
    const [us, size] = [spreadOf(rounds, side, figure)?.median, spreadOf(rounds, side, batchFigure)?.median];
    return us === undefined || size === undefined ? undefined : { rate: rateOf(side), messagesPerBatch: size, us };
  };
  const lines = processes.map((figure) => {
    const points = sidesOf(rounds).flatMap((side) => pointOf(side, figure) ?? []);
    const isCheck = ({ rate }: Point) => checkedRates.includes(rate);
    const costs = fitCosts(points.filter((point) => !isCheck(point)));
    const checks = points.filter(isCheck).map((point) => `${show(costOf(costs, point))} (${show(point.us)})`);
    return [figure.split(" ")[0]!, show(costs.second / 1_000), show(costs.message), show(costs.batch), ...checks];
  });
  if (lines.length === 0) return undefined;
  const checked = checkedRates.map((rate) => `${show(rate, 0)}/s, µs/message`);
  return [
    "The costs that fit the other rates best, and what they say about these two (in brackets: what was measured):",
    tableOf([["process", "ms/second", "µs/message", "µs/batch", ...checked], ...lines]),
  ].join("\n\n");
}
