import type { HistoryLine } from "../history/lines.ts";

/** Returns the history with expectations under which the fault may lose data. */
export function lossy(history: readonly HistoryLine[]): HistoryLine[] {
  return history.map((line) =>
    line.type === "run" ? { ...line, expectations: { ...line.expectations, loses: true } } : line,
  );
}

/** Returns the window of a loss between two times, in nanoseconds since the run began. */
export function lossAt(t0: number, t1 = t0 + 1e6): HistoryLine {
  return { type: "window", t0, t1, what: "FLUSHALL", loses: true };
}
