import { changeMutants } from "./change-mutants.ts";
import {
  acknowledgedRow,
  change,
  end,
  inFinal,
  inHistory,
  isAcknowledged,
  isDocument,
  isOp,
  isRow,
  listMutants,
  none,
  onlyRun,
  replaceInFinal,
  replaceInHistory,
  replaceOne,
  template,
  unchangedRow,
  type Mutant,
} from "./mutate.ts";
import { senderMutants } from "./sender-mutants.ts";
import { streamAndErasureMutants } from "./stream-mutants.ts";
import type { FinalLine, HistoryLine, MessageLine, Operation } from "../history/lines.ts";

const isQuiet = (line: FinalLine) => line.type === "quiet";
const isSample = (line: HistoryLine) => line.type === "sample";

/** Each mutant must turn its invariant red in a valid run. */
export const mutants: readonly Mutant[] = [
  ...listMutants({
    I1: {
      "the row of an acknowledged message is missing": inFinal((final, run) =>
        replaceOne(final, acknowledgedRow(run), none),
      ),
      "a stored body differs from the body that was sent": inFinal((final, run) =>
        replaceOne(final, unchangedRow(run), change({ hash: "0".repeat(16) })),
      ),
      "a message is stored under a number that was not acknowledged": inFinal((final, run) =>
        replaceOne(final, acknowledgedRow(run), (row) => [{ ...row, number: row.number + 100_000 }]),
      ),
    },
    I2: {
      "a message is stored twice": replaceInFinal(isRow, (row) => [row, { ...row, number: row.number + 100_000 }]),
    },
    I3: {
      // Not the last number of its chat: nobody would miss that one.
      "a number is missing in a chat": replaceInFinal(
        (line): line is MessageLine => isRow(line) && line.number === 1,
        none,
      ),
      "a number is acknowledged twice": replaceInHistory(isAcknowledged, (send) => [
        send,
        { ...send, uid: `${send.uid!}x`, key: `${send.uid!}x` },
      ]),
    },
    I4: {
      "a refused message is stored": inHistory((history, run) => {
        const [row] = run.final.filter(isRow);
        return history.map((line) =>
          isOp(line, "send") && line.uid === row!.uid ? { ...line, outcome: "fail", status: 503 } : line,
        );
      }),
      "a refused chat exists": ({ history, final }) => ({
        history: [
          ...history,
          { ...template(history, "send"), op: "create", outcome: "fail", status: 503, uid: "ghost", chat: 0 },
        ],
        final: [...final, { type: "chat", app: "a", chat: 900, name: "ghost", messagesCount: 0, lastChange: 0 }],
      }),
    },
    I5: {
      "messages_count is one too low": replaceInFinal(
        (line) => line.type === "chat",
        (chat) => [{ ...chat, messagesCount: chat.messagesCount - 1 }],
      ),
      "chats_count is one too high": replaceInFinal(
        (line) => line.type === "application",
        (application) => [{ ...application, chatsCount: application.chatsCount + 1 }],
      ),
      "a client read too high a count": replaceInHistory(
        (line): line is Operation => isOp(line, "count"),
        change({ count: 1_000_000 }),
      ),
    },
    I6: {
      "two messages that were sent one after another have swapped numbers": inHistory((history) => {
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
    I7: {
      "a repeated idempotency key gets another number": replaceInHistory(
        (line): line is Operation => isAcknowledged(line) && line.key !== undefined,
        (send) => [send, { ...send, number: send.number! + 1, attempt: 2, t1: send.t1 + 1 }],
      ),
    },
    I8: {
      "a message is not in the index": replaceInFinal(isDocument, none),
      "the index holds another text": replaceInFinal(isDocument, change({ hash: "f".repeat(16) })),
      "the index holds a message that has no row": replaceInFinal(isDocument, (one) => [
        one,
        { ...one, number: one.number + 100_000 },
      ]),
    },
    I9: {
      "a search finds another application's message": replaceInHistory(
        (line): line is Operation => isOp(line, "search") && line.app === "a",
        change({ items: [[1, "b.1.w1.00001", "0"]] }),
      ),
      "a message is stored in the wrong application": replaceInFinal(isRow, (row) => [
        { ...row, app: row.app === "a" ? "b" : "a", number: row.number + 100_000 },
      ]),
    },
    I10: {
      "a request fails long after the fault": inHistory((history) => [
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
      "an outage is answered with 500": inHistory((history) => {
        const window = history.find((line) => line.type === "window")!;
        const failed = { outcome: "fail", status: 500, t0: window.t0, t1: window.t0 + 1e6 } as const;
        return [...history, { ...template(history, "search"), ...failed }];
      }),
      "an answer takes a minute during the fault": inHistory((history) => {
        const window = history.find((line) => line.type === "window")!;
        return [...history, { ...template(history, "get"), t0: window.t0, t1: window.t0 + 60e9 }];
      }),
      "a request fails during a fault that must not cause failures": (run) => {
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
    I11: {
      "a message is a dead letter": replaceInFinal(isRow, (row) => [{ ...row, type: "dead-letter" }]),
      "a job failed permanently": replaceInFinal(isQuiet, change({ failedJobs: 1 })),
    },
    I12: {
      "a probe is never found": replaceInHistory((line) => line.type === "probe", change({ searchableMs: {} })),
      "no probe passed a process": inHistory((history) => history.filter(({ type }) => type !== "probe")),
      "messages are still pending at the end": replaceInFinal(isQuiet, change({ reached: false, pending: 3 })),
    },
    I13: {
      "a poller is not shown a number and continues after it": inHistory((history) => {
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
      "a poller is shown an unacknowledged message instead of the one with its number": inHistory((history, run) => {
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
      "a page that is read while messages are accepted has a hole": replaceInHistory(
        (line): line is Operation => isOp(line, "list") && line.descending === true && (line.items ?? []).length > 4,
        (list) => [{ ...list, items: list.items!.filter((_, at) => at !== 1), t0: 0 }],
      ),
    },
    I14: {
      "a process uses a gibibyte": replaceInHistory(isSample, change({ rssBytes: 1024 ** 3 })),
      "an event loop is blocked for a second": replaceInHistory(isSample, change({ blockedMs: 1000 })),
    },
    I15: {
      "a get does not find an acknowledged message": inHistory((history) => {
        const known = new Set(history.filter(isAcknowledged).map(({ uid }) => uid));
        return replaceOne(
          history,
          (line): line is Operation =>
            isOp(line, "get") && line.outcome === "ok" && line.client !== "stranger" && known.has(line.uid),
          change({ items: [], status: 404 }),
        );
      }),
      "a list omits its newest message": inHistory((history) => {
        const known = new Map(history.filter(isAcknowledged).map(({ uid, t1 }) => [uid, t1]));
        return replaceOne(
          history,
          (line): line is Operation =>
            isOp(line, "list") && line.descending === true && (known.get(line.items?.[0]?.[1]) ?? Infinity) < line.t0,
          (list) => [{ ...list, items: list.items!.slice(1) }],
        );
      }),
    },
    I16: {
      "the api does not list a message": replaceInFinal((line): line is MessageLine => line.type === "listed", none),
    },
  }),
  ...changeMutants,
  ...streamAndErasureMutants,
  ...senderMutants,
];
