import {
  change,
  end,
  inHistory,
  isAcknowledged,
  isEdit,
  isOp,
  keyOf,
  listMutants,
  none,
  NothingToMutate,
  onlyRun,
  replaceInFinal,
  replaceInHistory,
  replaceOne,
  template,
  type Mutant,
} from "./mutate.ts";
import type { EventLine, HistoryLine, Operation, RemainsLine, RunLine } from "../history/lines.ts";
import type { Run } from "./sound-run.ts";

/** Returns events of messages that were changed this many times. */
const eventOf = (event: EventLine["event"], times: number, { history }: Run) => {
  const changes = Map.groupBy(
    history.filter((line): line is Operation => isOp(line, "edit") || isOp(line, "remove")),
    keyOf,
  );
  return (line: HistoryLine): line is EventLine =>
    line.type === "event" &&
    line.event === event &&
    line.item !== undefined &&
    (changes.get(keyOf({ ...line, number: line.item[0] }))?.length ?? 0) === times;
};

const streamMutants: readonly Mutant[] = listMutants({
  I21: {
    "a stream skips a message": inHistory((history, run) => replaceOne(history, eventOf("message", 0, run), none)),
    "a stream sends a message twice": inHistory((history, run) =>
      replaceOne(history, eventOf("message", 0, run), (event) => [event, event]),
    ),
    "a stream has a gap where there is a message": inHistory((history, run) =>
      replaceOne(history, eventOf("message", 0, run), ({ item, ...event }) => [
        { ...event, event: "gap" as const, gap: [item![0], item![0]] as const },
      ]),
    ),
    "a stream skips an edit": inHistory((history, run) => {
      const isOnly = eventOf("edited", 1, run);
      const last = new Map(
        history.flatMap((line) =>
          line.type === "event" && line.position ? [[line.client, line.position[1]] as const] : [],
        ),
      );
      const acknowledged = new Set(history.filter(isEdit).map(keyOf));
      return replaceOne(
        history,
        (line): line is EventLine =>
          isOnly(line) &&
          line.change! < last.get(line.client)! &&
          acknowledged.has(keyOf({ ...line, number: line.item![0] })),
        none,
      );
    }),
    "a stream sends an edit twice over one connection": inHistory((history, run) =>
      replaceOne(history, eventOf("edited", 1, run), (event) => [event, { ...event, position: [...event.position!] }]),
    ),
  },
  I22: {
    "a stream shows a message with another text than the list": inHistory((history, run) =>
      replaceOne(history, eventOf("message", 0, run), (event) => [
        { ...event, item: [event.item![0], event.item![1], "4".repeat(16), 1] as const },
      ]),
    ),
    "a stream falls silent": inHistory((history, run) => {
      const { client, at } = history.findLast(eventOf("message", 0, run))!;
      return history.filter((line) => !(line.type === "event" && line.client === client && line.at >= at));
    }),
  },
});

const delayMutants: readonly Mutant[] = listMutants({
  I24: {
    "a stream shows a message a minute late": (run) => {
      const isMessage = eventOf("message", 0, run);
      const known = new Set(run.history.filter(isAcknowledged).map(({ uid }) => uid));
      const isShown = (line: HistoryLine): line is EventLine => isMessage(line) && known.has(line.item![1]);
      const late = replaceInHistory(isShown, (event) => [{ ...event, at: event.at + 60e9 }]);
      return onlyRun({ streamedWithinMs: 3_000 })(late(run));
    },
  },
});

/** Returns the chat that the run deletes. */
function doomedOf(history: readonly HistoryLine[]): NonNullable<RunLine["doomed"]> {
  const run = history.find((line): line is RunLine => line.type === "run");
  if (run?.doomed === undefined) throw new NothingToMutate("the run deletes no chat");
  return run.doomed;
}

/** Removes requests of the chat that the run deletes. */
const withoutDoomed = (op: Operation["op"], ...statuses: readonly number[]) =>
  inHistory((history) => {
    const { app, chat } = doomedOf(history);
    return history.filter(
      (line) => !(isOp(line, op) && statuses.includes(line.status) && line.app === app && line.chat === chat),
    );
  });

const erasureMutants: readonly Mutant[] = [
  ...listMutants({
    I23: {
      "a message to a deleted chat is accepted": inHistory((history) => {
        const { app, chat } = doomedOf(history);
        const late = { t0: end(history) + 60e9, t1: end(history) + 60e9 + 1, uid: "late" };
        return [...history, { ...template(history, "send"), app, chat, ...late }];
      }),
      "a message to a deleted chat is accepted during a fault": inHistory((history) => {
        const { app, chat } = doomedOf(history);
        const known = history.find((line): line is Operation => isOp(line, "erase") && line.status === 204)!;
        const during = { t0: known.t1 + 1, t1: known.t1 + 2 };
        const window = { type: "window" as const, what: "a fault", ...during };
        return [...history, window, { ...template(history, "send"), app, chat, ...during, uid: "during" }];
      }),
      "the repeated deletion of a chat is answered with 404": replaceInHistory(
        (line): line is Operation => isOp(line, "erase") && line.status === 204,
        (erase) => [erase, { ...erase, t0: erase.t1 + 1, t1: erase.t1 + 2, status: 404 }],
      ),
      "the stream of a deleted chat continues": withoutDoomed("stream", 404),
      "the deletion of a chat is never acknowledged": withoutDoomed("erase", 204),
    },
  }),
  ...(["mysql", "redis", "elasticsearch"] as const).map((store): Mutant => ({
    what: `${store} has something of a deleted chat`,
    reddens: "I23",
    mutate: replaceInFinal(
      (line): line is RemainsLine => line.type === "remains" && line.store === store,
      change({ count: 1 }),
    ),
  })),
];

/** Errors in streams and in the deletion of a chat. */
export const streamAndErasureMutants: readonly Mutant[] = [...streamMutants, ...delayMutants, ...erasureMutants];
