import { fingerprint } from "../history/recorder.ts";
import { changeMessage, type Chat } from "./sound-changes.ts";
import type { FinalLine, HistoryLine, Operation } from "../history/lines.ts";

export interface Run {
  readonly history: readonly HistoryLine[];
  readonly final: readonly FinalLine[];
}

const ms = 1e6;
const processes = { ingest: ["ingest-1"], api: ["api-1"], worker: ["worker-1"] };

/**
 * Creates an artificial run without violations, which the verifier must accept. It has two applications of two chats, a
 * writer per chat, an editor per chat, and readers who see every message and every change. In an outage from 1 s to 2 s the
 * first attempt of every fourth message has an unknown outcome.
 */
export function createSoundRun(): Run {
  const chats = ["a", "b"].flatMap((app) => [1, 2].map((chat) => writeChat(app, chat)));
  const rows = chats.flatMap((chat) => chat.rows);
  const kept = rows.filter(({ deleted }) => deleted !== true);
  const history: HistoryLine[] = [
    ...chats.flatMap(({ operations, events }) => [...operations, ...events]),
    ...eraseChat(),
    { type: "window", t0: 1000 * ms, t1: 2000 * ms, what: "an outage" },
    {
      type: "probe",
      at: 3000 * ms,
      ingest: "ingest-1",
      uid: "a.1.probe-ingest-1.last",
      acceptedMs: 5,
      storedMs: 60,
      readableMs: { "api-1": 10 },
      searchableMs: { "api-1": 900 },
    },
    { type: "sample", at: 1500 * ms, process: "worker-1", rssBytes: 180e6, blockedMs: 30 },
    {
      type: "run",
      fault: "artificial",
      title: "An artificial run",
      seed: 1,
      startedAt: "2026-01-01T00:00:00.000Z",
      expectations: { recoverWithinMs: 500, answerWithinMs: 5000 },
      doomed: { app: "a", chat: 4 },
      processes,
      canaries: { a: "kanarienvogel", b: "papageitaucher" },
    },
  ];
  const final: FinalLine[] = [
    { type: "quiet", reached: true, afterMs: 2000, pending: 0, outbox: 0, erasures: 0, failedJobs: 0 },
    ...["a", "b"].map((app) => ({ type: "application" as const, app, chatsCount: 3, chats: 3 })),
    ...chats.map(({ app, chat, rows: all, lastChange }) => {
      const messagesCount = all.filter(({ deleted }) => deleted !== true).length;
      return { type: "chat" as const, app, chat, name: null, messagesCount, lastChange };
    }),
    ...["a", "b"].map((app) => ({
      type: "chat" as const,
      app,
      chat: 3,
      name: `made-${app}`,
      messagesCount: 0,
      lastChange: 0,
    })),
    ...rows,
    ...chats.flatMap(({ versions }) => versions),
    ...rows.flatMap(({ app, chat, number, change }) =>
      change === undefined ? [] : [{ type: "change" as const, app, chat, number, change }],
    ),
    ...(["mysql", "redis", "elasticsearch"] as const).map((store) => ({
      type: "remains" as const,
      store,
      what: "chat 4",
      count: 0,
    })),
    ...kept.map((row) => ({ ...row, type: "document" as const })),
    ...rows.map((row) => ({ ...row, type: "listed" as const })),
  ];
  return { history, final };
}

/**
 * Writes thirty messages, one per 100 ms. Each is sent and then read in every way; some are then edited, deleted or
 * both.
 */
function writeChat(app: string, chat: number): Chat {
  const written: Chat = { app, chat, operations: [], events: [], rows: [], versions: [], items: [], lastChange: 0 };
  const { operations, rows, items } = written;
  const chatRef = { app, chat };
  const start = (app === "a" ? 0 : 7) + chat;
  const base = { type: "op" as const, ...chatRef, outcome: "ok" as const };
  for (let counter = 1; counter <= 30; counter += 1) {
    const at = (start + counter * 100) * ms;
    const uid = `${app}.${chat}.w1.${String(counter).padStart(5, "0")}`;
    const { hash } = fingerprint(`${uid} word`);
    const isUncertain = counter % 4 === 0 && at > 1000 * ms && at < 2000 * ms;
    const isRefused = counter === 17;
    const number = items.length + 1;
    const send = { ...base, op: "send" as const, client: "w1", via: "ingest-1", uid, hash };
    if (isRefused) {
      operations.push({
        ...send,
        t0: at,
        t1: at + 5 * ms,
        outcome: "fail",
        status: 503,
        problem: "overloaded",
        attempt: 1,
      });
      continue;
    }
    if (isUncertain)
      operations.push({ ...send, t0: at, t1: at + 5 * ms, outcome: "info", status: 0, key: uid, attempt: 1 });
    // The first message of unknown outcome is never sent again, but is stored: it counts as recovered.
    const isRecovered = isUncertain && counter === 12;
    if (!isRecovered) {
      const key = isUncertain || counter % 2 === 0 ? { key: uid } : {};
      operations.push({
        ...send,
        ...key,
        t0: at + 10 * ms,
        t1: at + 15 * ms,
        status: 201,
        number,
        attempt: isUncertain ? 2 : 1,
      });
    }
    items.push([number, uid, hash, 1]);
    rows.push({ type: "row", ...chatRef, number, uid, hash, version: 1 });
    written.events.push({
      type: "event",
      ...chatRef,
      at: at + 16 * ms,
      client: `follower-${app}${chat}`,
      via: "api-1",
      connection: 1,
      event: "message",
      position: [number, written.lastChange],
      item: [number, uid, hash, 1],
    });
    const read = { ...base, status: 200, via: "api-1" };
    const known = [...items];
    operations.push(
      {
        ...read,
        op: "get",
        client: "reader",
        t0: at + 20 * ms,
        t1: at + 22 * ms,
        uid,
        number,
        items: [[number, uid, hash]],
      },
      {
        ...read,
        op: "list",
        client: `poller-${app}${chat}`,
        t0: at + 24 * ms,
        t1: at + 26 * ms,
        after: number - 1,
        more: false,
        items: [[number, uid, hash]],
      },
      {
        ...read,
        op: "list",
        client: "reader",
        t0: at + 28 * ms,
        t1: at + 30 * ms,
        descending: true,
        more: known.length > 20,
        items: known.slice(-20).reverse(),
      },
      { ...read, op: "search", client: "searcher", t0: at + 32 * ms, t1: at + 34 * ms, uid, items: [] },
      {
        ...read,
        op: "search",
        client: "searcher",
        t0: at + 62 * ms,
        t1: at + 64 * ms,
        uid,
        items: [[number, uid, hash]],
      },
      {
        ...read,
        op: "count",
        client: "reader",
        t0: at + 66 * ms,
        t1: at + 68 * ms,
        count: items.filter(([, shown]) => shown !== "").length,
      },
    );
    changeMessage(written, number, at, counter);
  }
  const uid = `made-${app}`;
  if (chat === 1)
    operations.push({
      ...base,
      op: "create",
      client: "founder",
      chat: 0,
      via: "api-1",
      t0: 100 * ms,
      t1: 110 * ms,
      status: 201,
      uid,
      number: 3,
    });
  return written;
}

/** A chat with one message is deleted, and a second message is refused. */
function eraseChat(): Operation[] {
  const base = { type: "op" as const, app: "a", chat: 4, outcome: "ok" as const };
  const message = { ...base, op: "send" as const, client: "w2", via: "ingest-1" };
  const follower = { ...base, op: "stream" as const, client: "follower-a4", via: "api-1" };
  return [
    { ...message, t0: 300 * ms, t1: 305 * ms, status: 201, uid: "a.4.w2.00001", number: 1 },
    { ...base, op: "erase", client: "eraser", via: "api-1", t0: 400 * ms, t1: 420 * ms, status: 204 },
    { ...message, t0: 500 * ms, t1: 505 * ms, outcome: "fail", status: 404, uid: "a.4.w2.00002" },
    { ...follower, t0: 310 * ms, t1: 312 * ms, status: 200 },
    { ...follower, t0: 910 * ms, t1: 912 * ms, outcome: "fail", status: 404 },
    {
      ...base,
      op: "list",
      client: "poller-a4",
      via: "api-1",
      t0: 510 * ms,
      t1: 512 * ms,
      outcome: "fail",
      status: 404,
    },
  ];
}
