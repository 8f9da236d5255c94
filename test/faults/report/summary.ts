import type { Fault } from "../scene.ts";
import type { Reading } from "../verify/latency.ts";
import type { Verdict } from "../verify/verdict.ts";
import type { Judged } from "./read-verdicts.ts";

/** The results of one fault over all seeds. */
export interface Row {
  readonly fault: Fault;
  readonly runs: number;
  readonly invalid: readonly Verdict[];
  readonly attempted: number;
  readonly ok: number;
  readonly info: number;
  readonly failed: number;
  /** Edits and deletions of messages. */
  readonly changes: number;
  /** Events of streams. */
  readonly events: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly stale: number;
  readonly recovered: number;
  readonly documentedLost: number;
  readonly documentedStale: number;
  readonly recoveryMs: { readonly median: number; readonly max: number };
  /** The highest p50, p99 and maximum of any seed. */
  readonly stable: Readonly<Record<Reading, { readonly p50: number; readonly p99: number; readonly max: number }>>;
  readonly operations: number;
  readonly historyBytes: number;
  readonly peakRssBytes: number;
  readonly longestBlockMs: number;
}

export const readings: readonly Reading[] = ["get", "list", "search", "counts"];

/** Returns one row per fault that was run. */
export function summarise(faults: readonly Fault[], judged: readonly Judged[]): Row[] {
  return faults.flatMap((fault) => {
    const mine = judged.filter(({ verdict }) => verdict.fault === fault.name);
    const verdicts = mine.map(({ verdict }) => verdict);
    if (verdicts.length === 0) return [];
    const sum = (of: (verdict: Verdict) => number) => verdicts.reduce((total, verdict) => total + of(verdict), 0);
    const max = (of: (verdict: Verdict) => number) => Math.max(...verdicts.map(of));
    const recoveries = verdicts.map(({ recoveryMs }) => recoveryMs).sort((a, b) => a - b);
    const invalid = verdicts.filter(({ valid }) => !valid);
    const peaks = (verdict: Verdict) => Object.values(verdict.peaks);
    return [
      {
        fault,
        runs: verdicts.length,
        invalid,
        attempted: sum(({ messages }) => messages.attempted),
        ok: sum(({ messages }) => messages.ok),
        info: sum(({ messages }) => messages.info),
        failed: sum(({ messages }) => messages.failed),
        changes: sum(({ changes }) => changes.ok),
        events: sum(({ events }) => events),
        lost: sum(({ lost }) => lost),
        duplicated: sum(({ duplicated }) => duplicated),
        reordered: sum(({ reordered }) => reordered),
        stale: sum(({ stale }) => stale),
        recovered: sum(({ recovered }) => recovered),
        documentedLost: sum(({ documented }) => documented.lost),
        documentedStale: sum(({ documented }) => documented.stale),
        recoveryMs: { median: recoveries[Math.floor(recoveries.length / 2)]!, max: recoveries.at(-1)! },
        stable: Object.fromEntries(
          readings.map((reading) => [
            reading,
            {
              p50: max(({ stable }) => stable[reading].p50),
              p99: max(({ stable }) => stable[reading].p99),
              max: max(({ stable }) => stable[reading].max),
            },
          ]),
        ) as Row["stable"],
        operations: sum(({ operations }) => operations),
        historyBytes: mine.reduce((total, { historyBytes }) => total + historyBytes, 0),
        peakRssBytes: max((verdict) => Math.max(0, ...peaks(verdict).map(({ rssBytes }) => rssBytes))),
        longestBlockMs: max((verdict) => Math.max(0, ...peaks(verdict).map(({ blockedMs }) => blockedMs))),
      },
    ];
  });
}

/**
 * Returns the upper bound of the failure rate after this many runs without a failure, in percent, with 95 % confidence.
 */
export function upperBound(runs: number): number {
  return Math.ceil((1 - 0.05 ** (1 / runs)) * 100);
}
