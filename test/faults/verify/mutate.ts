import { messageKey } from "./model.ts";
import type { FinalLine, HistoryLine, MessageLine, Operation } from "../history/lines.ts";
import type { InvariantName } from "./invariants.ts";
import type { Run } from "./sound-run.ts";

/** An error that is inserted into a recorded run, and the invariant that must detect it. */
export interface Mutant {
  readonly what: string;
  readonly reddens: InvariantName;
  readonly mutate: (run: Run) => Run;
}

/** The mutants by the invariant that must detect the error, and by the error. */
type MutantTable = Partial<Record<InvariantName, Readonly<Record<string, Mutant["mutate"]>>>>;

export const listMutants = (table: MutantTable): Mutant[] =>
  Object.entries(table).flatMap(([reddens, errors]) =>
    Object.entries(errors).map(([what, mutate]) => ({ what, reddens: reddens as InvariantName, mutate })),
  );

export const inHistory =
  (change: (history: readonly HistoryLine[], run: Run) => readonly HistoryLine[]) => (run: Run) => ({
    ...run,
    history: change(run.history, run),
  });
export const inFinal = (change: (final: readonly FinalLine[], run: Run) => readonly FinalLine[]) => (run: Run) => ({
  ...run,
  final: change(run.final, run),
});
export const isOp = (line: HistoryLine, op: Operation["op"]): line is Operation => line.type === "op" && line.op === op;
export const isAcknowledged = (line: HistoryLine): line is Operation => isOp(line, "send") && line.outcome === "ok";
export const isRow = (line: FinalLine): line is MessageLine => line.type === "row";
export const isDocument = (line: FinalLine): line is MessageLine => line.type === "document";

/** The run has no line that the mutant could change. */
export class NothingToMutate extends Error {
  override readonly name = "NothingToMutate";
}

/** Replaces one matching line with none, one or several. Throws `NothingToMutate` if no line matches. */
export function replaceOne<Line, Fitting extends Line>(
  lines: readonly Line[],
  fits: (line: Line) => line is Fitting,
  by: (line: Fitting) => readonly Line[],
): Line[] {
  const fitting = lines.filter(fits);
  const chosen = fitting[Math.floor(fitting.length / 2)];
  if (chosen === undefined) throw new NothingToMutate("the run has no line that this mutant could change");
  return lines.flatMap((line) => (line === chosen ? by(chosen) : [line]));
}

/** Works like `replaceOne`, in the final state of a run. */
export const replaceInFinal = <Fitting extends FinalLine>(
  fits: (line: FinalLine) => line is Fitting,
  by: (line: Fitting) => readonly FinalLine[],
) => inFinal((final) => replaceOne(final, fits, by));

/** Works like `replaceOne`, in the history of a run. */
export const replaceInHistory = <Fitting extends HistoryLine>(
  fits: (line: HistoryLine) => line is Fitting,
  by: (line: Fitting) => readonly HistoryLine[],
) => inHistory((history) => replaceOne(history, fits, by));

/** Returns a row of an acknowledged message: any other may be missing. */
export const acknowledgedRow = ({ history }: Run) => {
  const known = new Set(history.filter(isAcknowledged).map(({ uid }) => uid));
  return (line: FinalLine): line is MessageLine => isRow(line) && known.has(line.uid);
};

/** Returns one that was not changed later: a changed message has another text, which another invariant judges. */
export const unchangedRow = (run: Run) => {
  const isKnown = acknowledgedRow(run);
  return (line: FinalLine): line is MessageLine => isKnown(line) && (line.version ?? 1) === 1;
};

export const end = (history: readonly HistoryLine[]): number =>
  Math.max(...history.map((line) => (line.type === "op" ? line.t1 : 0)));
export const template = (history: readonly HistoryLine[], op: Operation["op"]): Operation =>
  history.find((line): line is Operation => isOp(line, op) && line.outcome === "ok")!;
export const change =
  <Part extends object>(parts: Part) =>
  <Line extends object>(line: Line): readonly (Line & Part)[] => [{ ...line, ...parts }];
export const onlyRun = (expectations: object) =>
  inHistory((history) =>
    history.map((line) =>
      line.type === "run" ? { ...line, expectations: { ...line.expectations, ...expectations } } : line,
    ),
  );

export const isEdit = (line: HistoryLine): line is Operation => isOp(line, "edit") && line.outcome === "ok";
export const keyOf = ({ app, chat, number = 0 }: { app: string; chat: number; number?: number }) =>
  messageKey({ app, chat, number });
export const none = () => [];
