import { changeMutants } from "./change-mutants.ts";
import {
  acknowledgedRow,
  change,
  end,
  inFinal,
  inHistory,
  isAcknowledged,
  isOp,
  isRow,
  onlyRun,
  replaceOne,
  template,
  unchangedRow,
  type Mutant,
} from "./mutate.ts";
import { senderMutants } from "./sender-mutants.ts";
import { streamAndErasureMutants } from "./stream-mutants.ts";
import type { HistoryLine, MessageLine, Operation } from "../history/lines.ts";

/** Each mutant must turn its invariant red in a valid run. */
export const mutants: readonly Mutant[] = [
  {
    what: "the row of an acknowledged message is missing",
    reddens: "I1",
    mutate: inFinal((final, run) => replaceOne(final, acknowledgedRow(run), () => [])),
  },
  {
    what: "a stored body differs from the body that was sent",
    reddens: "I1",
    mutate: inFinal((final, run) => replaceOne(final, unchangedRow(run), change({ hash: "0".repeat(16) }))),
  },
  {
    what: "a message is stored under a number that was not acknowledged",
    reddens: "I1",
    mutate: inFinal((final, run) =>
      replaceOne(final, acknowledgedRow(run), (row) => [{ ...row, number: row.number + 100_000 }]),
    ),
  },
  {
    what: "a message is stored twice",
    reddens: "I2",
    mutate: inFinal((final) => replaceOne(final, isRow, (row) => [row, { ...row, number: row.number + 100_000 }])),
  },
  {
    what: "a number is missing in a chat",
    reddens: "I3",
    // Not the last number of its chat: nobody would miss that one.
    mutate: inFinal((final) =>
      replaceOne(
        final,
        (line): line is MessageLine => isRow(line) && line.number === 1,
        () => [],
      ),
    ),
  },
  {
    what: "a number is acknowledged twice",
    reddens: "I3",
    mutate: inHistory((history) =>
      replaceOne(history, isAcknowledged, (send) => [send, { ...send, uid: `${send.uid!}x`, key: `${send.uid!}x` }]),
    ),
  },
  {
    what: "a refused message is stored",
    reddens: "I4",
    mutate: inHistory((history, run) => {
      const [row] = run.final.filter(isRow);
      return history.map((line) =>
        isOp(line, "send") && line.uid === row!.uid ? { ...line, outcome: "fail", status: 503 } : line,
      );
    }),
  },
  {
    what: "a refused chat exists",
    reddens: "I4",
    mutate: ({ history, final }) => ({
      history: [
        ...history,
        { ...template(history, "send"), op: "create", outcome: "fail", status: 503, uid: "ghost", chat: 0 },
      ],
      final: [...final, { type: "chat", app: "a", chat: 900, name: "ghost", messagesCount: 0, lastChange: 0 }],
    }),
  },
  {
    what: "messages_count is one too low",
    reddens: "I5",
    mutate: inFinal((final) =>
      replaceOne(
        final,
        (line) => line.type === "chat",
        (chat) => [{ ...chat, messagesCount: chat.messagesCount - 1 }],
      ),
    ),
  },
  {
    what: "chats_count is one too high",
    reddens: "I5",
    mutate: inFinal((final) =>
      replaceOne(
        final,
        (line) => line.type === "application",
        (application) => [{ ...application, chatsCount: application.chatsCount + 1 }],
      ),
    ),
  },
  {
    what: "a client read too high a count",
    reddens: "I5",
    mutate: inHistory((history) =>
      replaceOne(history, (line): line is Operation => isOp(line, "count"), change({ count: 1_000_000 })),
    ),
  },
  {
    what: "two messages that were sent one after another have swapped numbers",
    reddens: "I6",
    mutate: inHistory((history) => {
      const sends = history.filter(isAcknowledged);
      const [first, second] = sends
        .flatMap((one) => {
          const next = sends.find(
            (other) =>
              other.app === one.app &&
              other.chat === one.chat &&
              other.t0 > one.t1 &&
              other.attempt === 1 &&
              one.attempt === 1,
          );
          return next === undefined ? [] : [[one, next] as const];
        })
        .at(0)!;
      return history.map((line) => {
        if (line === first) return { ...first, number: second.number! };
        return line === second ? { ...second, number: first.number! } : line;
      });
    }),
  },
  {
    what: "a repeated idempotency key gets another number",
    reddens: "I7",
    mutate: inHistory((history) =>
      replaceOne(
        history,
        (line): line is Operation => isAcknowledged(line) && line.key !== undefined,
        (send) => [send, { ...send, number: send.number! + 1, attempt: 2, t1: send.t1 + 1 }],
      ),
    ),
  },
  {
    what: "a message is not in the index",
    reddens: "I8",
    mutate: inFinal((final) =>
      replaceOne(
        final,
        (line): line is MessageLine => line.type === "document",
        () => [],
      ),
    ),
  },
  {
    what: "the index holds another text",
    reddens: "I8",
    mutate: inFinal((final) =>
      replaceOne(final, (line): line is MessageLine => line.type === "document", change({ hash: "f".repeat(16) })),
    ),
  },
  {
    what: "the index holds a message that has no row",
    reddens: "I8",
    mutate: inFinal((final) =>
      replaceOne(
        final,
        (line): line is MessageLine => line.type === "document",
        (one) => [one, { ...one, number: one.number + 100_000 }],
      ),
    ),
  },
  {
    what: "a search finds another application's message",
    reddens: "I9",
    mutate: inHistory((history) =>
      replaceOne(
        history,
        (line): line is Operation => isOp(line, "search") && line.app === "a",
        change({ items: [[1, "b.1.w1.00001", "0"]] }),
      ),
    ),
  },
  {
    what: "a message is stored in the wrong application",
    reddens: "I9",
    mutate: inFinal((final) =>
      replaceOne(final, isRow, (row) => [{ ...row, app: row.app === "a" ? "b" : "a", number: row.number + 100_000 }]),
    ),
  },
  {
    what: "a request fails long after the fault",
    reddens: "I10",
    mutate: inHistory((history) => [
      ...history,
      {
        ...template(history, "send"),
        outcome: "info",
        status: 500,
        uid: "a.1.late.00001",
        t0: end(history) + 60e9,
        t1: end(history) + 61e9,
      },
    ]),
  },
  {
    what: "an outage is answered with 500",
    reddens: "I10",
    mutate: inHistory((history) => {
      const window = history.find((line) => line.type === "window")!;
      const failed = { outcome: "fail", status: 500, t0: window.t0, t1: window.t0 + 1e6 } as const;
      return [...history, { ...template(history, "search"), ...failed }];
    }),
  },
  {
    what: "an answer takes a minute during the fault",
    reddens: "I10",
    mutate: inHistory((history) => {
      const window = history.find((line) => line.type === "window")!;
      return [...history, { ...template(history, "get"), t0: window.t0, t1: window.t0 + 60e9 }];
    }),
  },
  {
    what: "a message is a dead letter",
    reddens: "I11",
    mutate: inFinal((final) => replaceOne(final, isRow, (row) => [{ ...row, type: "dead-letter" }])),
  },
  {
    what: "a job failed permanently",
    reddens: "I11",
    mutate: inFinal((final) => replaceOne(final, (line) => line.type === "quiet", change({ failedJobs: 1 }))),
  },
  {
    what: "a probe is never found",
    reddens: "I12",
    mutate: inHistory((history) => replaceOne(history, (line) => line.type === "probe", change({ searchableMs: {} }))),
  },
  {
    what: "no probe passed a process",
    reddens: "I12",
    mutate: inHistory((history) => history.filter(({ type }) => type !== "probe")),
  },
  {
    what: "messages are still pending at the end",
    reddens: "I12",
    mutate: inFinal((final) =>
      replaceOne(final, (line) => line.type === "quiet", change({ reached: false, pending: 3 })),
    ),
  },
  {
    what: "a poller is not shown a number and continues after it",
    reddens: "I13",
    mutate: inHistory((history) => {
      const polled = history.filter(
        (line): line is Operation =>
          isOp(line, "list") && line.client.startsWith("poller") && (line.items ?? []).length > 0,
      );
      const { client, chat, app, items } = polled[Math.floor(polled.length / 2)]!;
      const [hidden] = items![0]!;
      return history.map((line) =>
        isOp(line, "list") && line.client === client && line.chat === chat && line.app === app
          ? { ...line, items: line.items?.filter(([number]) => number !== hidden) ?? [] }
          : line,
      );
    }),
  },
  {
    what: "a poller is shown an unacknowledged message instead of the one with its number",
    reddens: "I13",
    mutate: inHistory((history, run) => {
      const isStored = acknowledgedRow(run);
      const rows = new Set(run.final.filter(isStored).map(({ uid }) => uid));
      const isShown = (line: HistoryLine): line is Operation =>
        isOp(line, "list") && line.client.startsWith("poller") && rows.has(line.items?.[0]?.[1] ?? "");
      const [number, uid] = history.find(isShown)!.items![0]!;
      return history.map((line) =>
        isOp(line, "list") && line.client.startsWith("poller") && line.items
          ? {
              ...line,
              items: line.items.map((item) =>
                item[0] === number && item[1] === uid ? ([number, `${uid}x`, item[2]] as const) : item,
              ),
            }
          : line,
      );
    }),
  },
  {
    what: "a page that is read while messages are accepted has a hole",
    reddens: "I13",
    mutate: inHistory((history) =>
      replaceOne(
        history,
        (line): line is Operation => isOp(line, "list") && line.descending === true && (line.items ?? []).length > 4,
        (list) => [{ ...list, items: list.items!.filter((_, at) => at !== 1), t0: 0 }],
      ),
    ),
  },
  {
    what: "a process uses a gibibyte",
    reddens: "I14",
    mutate: inHistory((history) =>
      replaceOne(history, (line) => line.type === "sample", change({ rssBytes: 1024 ** 3 })),
    ),
  },
  {
    what: "an event loop is blocked for a second",
    reddens: "I14",
    mutate: inHistory((history) => replaceOne(history, (line) => line.type === "sample", change({ blockedMs: 1000 }))),
  },
  {
    what: "a get does not find an acknowledged message",
    reddens: "I15",
    mutate: inHistory((history) => {
      const known = new Set(history.filter(isAcknowledged).map(({ uid }) => uid));
      return replaceOne(
        history,
        (line): line is Operation =>
          isOp(line, "get") && line.outcome === "ok" && line.client !== "stranger" && known.has(line.uid),
        change({ items: [], status: 404 }),
      );
    }),
  },
  {
    what: "a list omits its newest message",
    reddens: "I15",
    mutate: inHistory((history) => {
      const known = new Map(history.filter(isAcknowledged).map(({ uid, t1 }) => [uid, t1]));
      return replaceOne(
        history,
        (line): line is Operation =>
          isOp(line, "list") && line.descending === true && (known.get(line.items?.[0]?.[1]) ?? Infinity) < line.t0,
        (list) => [{ ...list, items: list.items!.slice(1) }],
      );
    }),
  },
  {
    what: "the api does not list a message",
    reddens: "I16",
    mutate: inFinal((final) =>
      replaceOne(
        final,
        (line): line is MessageLine => line.type === "listed",
        () => [],
      ),
    ),
  },
  {
    what: "a request fails during a fault that must not cause failures",
    reddens: "I10",
    mutate: (run) => {
      const strict = onlyRun({ noFailures: true })(run);
      const window = run.history.find((line) => line.type === "window")!;
      const failed: Operation = {
        ...template(run.history, "get"),
        outcome: "fail",
        status: 503,
        t0: window.t0,
        t1: window.t0 + 1e6,
      };
      return { ...strict, history: [...strict.history, failed] };
    },
  },
  ...changeMutants,
  ...streamAndErasureMutants,
  ...senderMutants,
];
