import { median, show, tableOf } from "../report.ts";
import { modes } from "./modes.ts";
import type { TelemetryRound } from "./round.ts";

/**
 * Medians over the turns of the rounds that verified. What a mode adds is told against "off" of the same turn, which is another process, and against
 * traces of which none is sampled; ranges are those of turns and of rounds.
 */
export function summarise(rounds: readonly TelemetryRound[]) {
  const verified = rounds.filter(({ faults }) => faults.length === 0);
  return modes.map(({ name: mode, process }) => {
    const own = verified.filter((round) => round.mode === mode);
    const cpu = own.flatMap((round) => round.cpu);
    const over = (base: string) => {
      const pairs = own.flatMap((round) => {
        const other = verified.find((each) => each.mode === base && each.round === round.round);
        return other === undefined ? [] : [{ cpu: round.cpu, base: other.cpu }];
      });
      const addedBy = ({ cpu, base }: (typeof pairs)[number]) =>
        cpu.flatMap((us, turn) => (base[turn] === undefined ? [] : [us / base[turn] - 1]));
      return {
        added: median(pairs.flatMap(addedBy)),
        ofRounds: rangeOf(pairs.flatMap((pair) => median(addedBy(pair)) ?? [])),
      };
    };
    return {
      mode,
      cpu: median(cpu),
      cpuRange: rangeOf(cpu),
      off: over("off"),
      unsampled: process === "traces" || process === "all traces" ? over("traces, none sampled") : undefined,
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
  const added = (over: { added: number | null; ofRounds: readonly [number, number] | null } | undefined) =>
    over?.added === undefined || over.added === null
      ? "–"
      : `${percent(over.added)} (${range(over.ofRounds, percent)})`;
  return tableOf([
    [
      "median",
      "ingest CPU, µs/message",
      "range of turns",
      "added to off, % (rounds)",
      "added to none sampled, % (rounds)",
      "accepted, messages/s",
      "latency p99, ms",
      "spans/message",
    ],
    ...summary.map(({ mode, cpu, cpuRange, off, unsampled, accepted, p99, spans }) => [
      mode,
      show(cpu, 1),
      range(cpuRange, (value) => value.toFixed(0)),
      mode === "off" ? "–" : added(off),
      mode === "traces, none sampled" ? "–" : added(unsampled),
      show(accepted),
      show(p99),
      show(spans, 2),
    ]),
  ]);
}
