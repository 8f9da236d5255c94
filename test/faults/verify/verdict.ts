import { invariants, type InvariantName } from "./invariants.ts";
import { stableLatencies, type Latency, type Reading } from "./latency.ts";
import { acknowledged, isRepeatedAfterLoss, nothingIsLost, orderIsReal } from "./messages.ts";
import { buildModel, isDisturbed, isRenumbered, isUnserved, mayBeLost, type Model } from "./model.ts";
import { staleReads } from "./reading.ts";
import type { FinalLine, HistoryLine, WindowLine } from "../history/lines.ts";

export interface Anomaly {
  readonly invariant: InvariantName;
  readonly count: number;
  /** The first few violations. */
  readonly examples: readonly string[];
}

/** The result of a run, in the terms of Jepsen. */
export interface Verdict {
  readonly fault: string;
  readonly title: string;
  readonly seed: number;
  readonly valid: boolean;
  /** False if clients did not notice a fault that they must notice: the run proves nothing. */
  readonly bit: boolean;
  readonly anomalies: readonly Anomaly[];
  /** The number of messages by the outcome that their senders know at the end. */
  readonly messages: {
    readonly attempted: number;
    readonly ok: number;
    readonly info: number;
    readonly failed: number;
  };
  /** Edits and deletions by outcome. */
  readonly changes: { readonly ok: number; readonly info: number; readonly failed: number };
  /** Events that the readers of streams received. */
  readonly events: number;
  readonly reads: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly stale: number;
  /** Messages of unknown outcome that were stored. */
  readonly recovered: number;
  /** Effects that the documentation allows this fault. */
  readonly documented: {
    readonly lost: number;
    readonly renumbered: number;
    readonly duplicated: number;
    readonly stale: number;
  };
  readonly stable: Readonly<Record<Reading, Latency>>;
  /** The time from the end of the last window to the last request that was not served. */
  readonly recoveryMs: number;
  readonly windows: readonly WindowLine[];
  readonly durationMs: number;
  /** The maxima of each process. */
  readonly peaks: Readonly<Record<string, { readonly rssBytes: number; readonly blockedMs: number }>>;
  readonly operations: number;
}

const examples = 5;
const writes: ReadonlySet<string> = new Set(["send", "create", "edit", "remove", "erase-sender", "horizon"]);

/** Judges a recorded run. The same lines always give the same verdict. */
export function verify(history: readonly HistoryLine[], final: readonly FinalLine[]): Verdict {
  const model = buildModel(history, final);
  const anomalies = (Object.keys(invariants) as InvariantName[]).flatMap((invariant) => {
    const found = invariants[invariant].check(model);
    return found.length === 0 ? [] : [{ invariant, count: found.length, examples: found.slice(0, examples) }];
  });
  const { fault, title, seed } = model.run;
  const sent = [...model.sent.values()];
  const count = (outcome: string) => sent.filter((message) => message.outcome === outcome).length;
  const stale = [...staleReads(model)];
  const twice = [...model.rowsOf.values()].filter((rows) => rows.length > 1);
  const excusedTwice = twice.filter(([row]) => isRepeatedAfterLoss(model, model.sent.get(row!.uid)!));
  const missing = acknowledged(model).filter(({ uid }) => !model.rowsOf.has(uid));
  return {
    fault,
    title,
    seed,
    valid: anomalies.length === 0,
    bit: didBite(model),
    anomalies,
    messages: { attempted: sent.length, ok: count("ok"), info: count("info"), failed: count("fail") },
    changes: changesByOutcome(model),
    events: model.events.length,
    reads: model.operations.filter(({ op }) => !writes.has(op)).length,
    lost: nothingIsLost(model).filter((sentence) => sentence.endsWith("is lost")).length,
    duplicated: twice.length - excusedTwice.length,
    reordered: orderIsReal(model).length,
    stale: new Set(stale.filter(({ documented }) => !documented).map(({ message }) => message.uid)).size,
    recovered: sent.filter(({ outcome, uid }) => outcome === "info" && model.rowsOf.has(uid)).length,
    documented: {
      lost: missing.filter((message) => mayBeLost(model, message)).length,
      renumbered: acknowledged(model).filter((message) => isRenumbered(model, message)).length,
      duplicated: excusedTwice.length,
      stale: new Set(stale.filter(({ documented }) => documented).map(({ message }) => message.uid)).size,
    },
    stable: stableLatencies(model),
    recoveryMs: recoveryMs(model),
    windows: model.windows,
    durationMs: (model.operations.at(-1)?.t1 ?? 0) / 1e6,
    peaks: peaksOf(model),
    operations: model.operations.length,
  };
}

function changesByOutcome({ changesOf }: Model): Verdict["changes"] {
  const all = [...changesOf.values()].flat();
  const count = (outcome: string) => all.filter((each) => each.outcome === outcome).length;
  return { ok: count("ok"), info: count("info"), failed: count("fail") };
}

function didBite(model: Model): boolean {
  const { bites } = model.run.expectations;
  return (
    bites === undefined ||
    model.operations.some(
      (operation) => bites.includes(operation.op) && operation.status === 503 && isDisturbed(model, operation),
    )
  );
}

function recoveryMs({ operations, windows }: Model): number {
  const end = Math.max(...windows.map(({ t1 }) => t1));
  const unserved = operations.filter((operation) => isUnserved(operation) && operation.t1 > end);
  return unserved.length === 0 ? 0 : (Math.max(...unserved.map(({ t1 }) => t1)) - end) / 1e6;
}

function peaksOf({ samples }: Model): Verdict["peaks"] {
  return Object.fromEntries(
    [...Map.groupBy(samples, ({ process }) => process)].map(([process, mine]) => [
      process,
      {
        rssBytes: Math.max(...mine.map(({ rssBytes }) => rssBytes)),
        blockedMs: Math.max(...mine.map(({ blockedMs }) => blockedMs)),
      },
    ]),
  );
}
