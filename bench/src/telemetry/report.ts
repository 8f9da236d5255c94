import { median, show, tableOf } from "../report.ts";
import { modeNames } from "./modes.ts";
import type { TelemetryRound } from "./round.ts";

/** Medians over the turns of the rounds that verified, and what a mode adds to "off" of the same turn; ranges are those of turns and of rounds. */
export function summarise(rounds: readonly TelemetryRound[]) {
  const verified = rounds.filter(({ faults }) => faults.length === 0);
  return modeNames.map((mode) => {
    const own = verified.filter((round) => round.mode === mode);
    const cpu = own.flatMap((round) => round.cpu);
    const added = own.flatMap((round) => {
      const off = verified.find((other) => other.mode === "off" && other.round === round.round);
      return round.cpu.flatMap((us, turn) => (off?.cpu[turn] === undefined ? [] : [us / off.cpu[turn] - 1]));
    });
    // Of whole rounds: each is another process, whose code was compiled in another way.
    const addedOfRounds = own.flatMap((round) => {
      const off = median(verified.find((other) => other.mode === "off" && other.round === round.round)?.cpu ?? []);
      const us = median(round.cpu);
      return us === null || off === null ? [] : [us / off - 1];
    });
    return {
      mode,
      cpu: median(cpu),
      cpuRange: rangeOf(cpu),
      added: median(added),
      addedRange: rangeOf(addedOfRounds),
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
      "range of turns",
      "added to off, %",
      "range of rounds",
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
