import type { Row } from "./summary.ts";
import { invariants, type InvariantName } from "../verify/invariants.ts";

/** The limits of the results, at the beginning of every report. */
export const limits: readonly string[] = [
  "Everything runs on one machine: processes, stores and clients share its processors and its clock. Proxies simulate network faults: cut, silent, one-way and slow connections, and lost answers.",
  "The load is small (one hundred to a few hundred messages per second), so that every message can be judged. The benchmark measures speed.",
  "The machine may have been busy with other work, so recovery times and latencies are upper bounds.",
  "If no run failed, the failure rate is at most 26 % after 10 runs and at most 5 % after 60, with 95 % confidence.",
  "No fault cuts the power: data that Redis and MySQL have fsynced is assumed to be on the disk.",
  "A message of unknown outcome may be stored or not, but never twice.",
  "An event loop counts as blocked only while its thread has a processor. On a busy machine clients may have waited longer.",
];

/** The meaning of the columns. */
export const legend =
  "attempted: messages sent, each counted once. ok: acknowledged. info: outcome unknown. failed: refused. changes: acknowledged edits and deletions. events: events of streams. lost: acknowledged and not stored. duplicated: stored twice. reordered: numbered below a message that was acknowledged before it was sent. stale: acknowledged, but missing in a get or list that began later. recovered: of unknown outcome, but stored. In brackets: effects that the documentation allows this fault. recovery: from the end of the fault to the last request that was not served; median and maximum over the seeds. Stable latency: from the acknowledgement until every later read shows the message; the maxima over the seeds.";

type Losses = Pick<Row, "fault" | "lost" | "documentedLost">;

/** Says how many acknowledged messages were lost, apart for the faults in which a store itself loses what it had confirmed. */
export function lossSentence(rows: readonly Losses[]): string {
  const lossy = rows.filter(({ fault }) => fault.expectations.loses === true);
  const others = rows.filter((row) => !lossy.includes(row));
  const first = `${lostIn(others)} acknowledged messages lost in ${others.length} faults`;
  if (lossy.length === 0) return `${first}.`;
  const each = lossy.map((row) => `${row.fault.name} ${lostIn([row])}`).join(", ");
  return `${first}; ${lostIn(lossy)} in the ${lossy.length} in which a store itself loses data that it had confirmed (${each}).`;
}

function lostIn(rows: readonly Losses[]): string {
  return rows.reduce((total, { lost, documentedLost }) => total + lost + documentedLost, 0).toLocaleString("en");
}

/** The invariants as pairs of name and sentence. */
export const invariantList = (Object.keys(invariants) as InvariantName[]).map(
  (name) => [name, invariants[name].says] as const,
);

/** Formats 1234 ms as `1.2 s`, and times below one second in ms. */
export function time(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}

/** Formats bytes as KiB or MiB. */
export function size(bytes: number): string {
  return bytes >= 1024 ** 2 ? `${(bytes / 1024 ** 2).toFixed(1)} MiB` : `${Math.round(bytes / 1024)} KiB`;
}
