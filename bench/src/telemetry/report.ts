import { median, show, tableOf } from "../report.ts";
import { modeNames } from "./modes.ts";
import type { TelemetryRound } from "./round.ts";

/** Medians of the rounds that verified, the range of ingest's CPU, and what a mode adds to "off" of the same round. */
export function summarise(rounds: readonly TelemetryRound[]) {
  const verified = rounds.filter(({ faults }) => faults.length === 0);
  return modeNames.map((mode) => {
    const own = verified.filter((round) => round.mode === mode);
    const cpu = own.flatMap((round) => round.cpu ?? []);
    const added = own.flatMap((round) => {
      const off = verified.find((other) => other.mode === "off" && other.round === round.round)?.cpu;
      return round.cpu && off ? [round.cpu / off - 1] : [];
    });
    return {
      mode,
      cpu: median(cpu),
      cpuRange: rangeOf(cpu),
      added: median(added),
      addedRange: rangeOf(added),
      accepted: median(own.map((round) => round.accepted)),
      p99: median(own.flatMap((round) => round.p99 ?? [])),
      spans: median(own.map((round) => round.spans)),
    };
  });
}

function rangeOf(values: readonly number[]): readonly [number, number] | null {
  return values.length === 0 ? null : [Math.min(...values), Math.max(...values)];
}

/** A Markdown table. */
export function table(summary: ReturnType<typeof summarise>): string {
  const percent = (part: number) => (part * 100).toFixed(1);
  const range = (values: readonly [number, number] | null, write: (value: number) => string) =>
    values === null ? "–" : values.map(write).join(" to ");
  return tableOf([
    [
      "median",
      "ingest CPU, µs/message",
      "range",
      "added to off, %",
      "range",
      "accepted, messages/s",
      "latency p99, ms",
      "spans/message",
    ],
    ...summary.map(({ mode, cpu, cpuRange, added, addedRange, accepted, p99, spans }) => [
      mode,
      show(cpu, 1),
      range(cpuRange, (value) => value.toFixed(0)),
      mode === "off" || added === null ? "–" : percent(added),
      mode === "off" ? "–" : range(addedRange, percent),
      show(accepted),
      show(p99),
      show(spans, 2),
    ]),
  ]);
}
