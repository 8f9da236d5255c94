import { end, isAcknowledged, listMutants, NothingToMutate, template, unchangedRow, type Mutant } from "./mutate.ts";
import type { MessageLine, Operation } from "../history/lines.ts";
import type { Run } from "./sound-run.ts";

const sender = "anna";

/** Adds a sender to a row's message in the history, and an erasure of this sender at time `at`. */
function erasing({ history, final }: Run, row: MessageLine, at: number): Run {
  const erasure: Operation = {
    ...template(history, "send"),
    op: "erase-sender",
    client: "eraser",
    app: row.app,
    chat: 0,
    t0: at,
    t1: at + 1,
    status: 202,
    sender,
  };
  const sends = history.map((line) => (isAcknowledged(line) && line.uid === row.uid ? { ...line, sender } : line));
  return { history: [...sends, erasure], final };
}

/** Returns the row of a message that was acknowledged and never changed. */
function rowOf(run: Run): MessageLine {
  const isUnchanged = unchangedRow(run);
  const row = run.final.find(isUnchanged);
  if (row === undefined) throw new NothingToMutate("the run has no such row");
  return row;
}

const horizonOf = ({ app, chat }: MessageLine) => ({ type: "horizon", app, chat, sender, number: 1 }) as const;

/** Mutants with errors in the erasure of a sender. */
export const senderMutants: readonly Mutant[] = listMutants({
  I25: {
    "a message stays whose sender was erased later": (run) => erasing(run, rowOf(run), end(run.history) + 1),
    "a message is deleted whose sender was erased before it was sent": (run) => {
      const row = rowOf(run);
      const deleted = { ...row, uid: "", hash: "", deleted: true, version: 2 };
      const final = run.final.map((line) => (line === row ? deleted : line));
      return erasing({ ...run, final }, row, -2);
    },
    "a deleted message names the sender who was erased": (run) => {
      const row = rowOf(run);
      const deleted = { ...row, uid: "", hash: "", deleted: true, version: 2, sender };
      const final = run.final.map((line) => (line === row ? deleted : line));
      return erasing({ ...run, final }, row, end(run.history) + 1);
    },
    "a sender was erased, and a horizon stays": (run) => {
      const row = rowOf(run);
      return erasing({ ...run, final: [...run.final, horizonOf(row)] }, row, end(run.history) + 1);
    },
    "a sender was erased, and a horizon that moved later is missing": (run) => erasing(run, rowOf(run), -2),
  },
});
