import { invariants, type InvariantName } from "../verify/invariants.ts";

/** What every report begins with: what it does not show. */
export const limits: readonly string[] = [
  "One machine: all processes, stores and clients share its processors and its clock. Networks break as proxies between them can break them: cut, silent, one-sided, late, an answer lost.",
  "Loads are small (a hundred to a few hundred messages per second), so that every message can be judged. Speed is what the benchmark measures.",
  "Recovery and latency are those of a machine that may be busy with other work. They are upper bounds.",
  "That no run failed bounds how often runs fail: after 10 runs to at most 26 %, after 60 to at most 5 %, with 95 % certainty.",
  "Power is never lost: what Redis and MySQL have fsynced is believed to be on the disk.",
  "A message whose outcome its sender does not know counts as correct whether it is stored or not, but never twice.",
  "An event loop counts as blocked only for the time in which its thread had a processor; on a busy machine that is less than what a client felt.",
];

/** What the columns mean. */
export const legend =
  "attempted: messages sent, however often each. ok: acknowledged. info: nobody knows. failed: refused for good. lost: acknowledged and not stored. duplicated: stored twice. reordered: a smaller number than one answered before it was sent. stale: acknowledged, and missing in a get or list that began later. recovered: of unknown outcome, and stored. In brackets: what the documents say that this fault may do. recovery: from the end of the fault to the last request that was not served; median and maximum over the seeds. Stable latency: from the acknowledgement until every later read shows the message; p99 and maximum of the worst seed.";

/** The invariants as a list of pairs. */
export const invariantList = (Object.keys(invariants) as InvariantName[]).map(
  (name) => [name, invariants[name].says] as const,
);

/** 1234 ms as `1.2 s`, small ones as they are. */
export function time(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}

/** Bytes as KiB or MiB. */
export function size(bytes: number): string {
  return bytes >= 1024 ** 2 ? `${(bytes / 1024 ** 2).toFixed(1)} MiB` : `${Math.round(bytes / 1024)} KiB`;
}
