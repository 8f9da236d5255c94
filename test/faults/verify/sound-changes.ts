import { fingerprint } from "../history/recorder.ts";
import type { EventLine, Item, MessageLine, Operation, VersionLine } from "../history/lines.ts";

/** A chat of the artificial run, in its current state. */
export interface Chat {
  readonly app: string;
  readonly chat: number;
  readonly operations: Operation[];
  readonly events: EventLine[];
  readonly rows: MessageLine[];
  readonly versions: VersionLine[];
  /** The items that a list would currently show. */
  readonly items: Item[];
  lastChange: number;
}

const ms = 1e6;

/**
 * Edits every fifth message, and deletes the seventh and every tenth. The edit of the fifteenth message is made, but
 * its outcome is unknown. The first edit of the twenty-fifth message is refused.
 */
export function changeMessage(chat: Chat, number: number, at: number, counter: number): void {
  if (counter === 25) operate(chat, number, "edit", at + 69 * ms, "fail");
  if (counter % 5 === 0) apply(chat, number, "edit", at + 71 * ms, counter === 15 ? "info" : "ok");
  if (counter % 10 === 0 || counter === 7) apply(chat, number, "remove", at + 80 * ms, "ok");
}

function apply(chat: Chat, number: number, op: "edit" | "remove", at: number, outcome: "ok" | "info"): void {
  const index = number - 1;
  const row = chat.rows[index]!;
  const change = (chat.lastChange += 1);
  const version = row.version! + 1;
  const { hash } = operate(chat, number, op, at, outcome, { version, change });
  const earlier = chat.versions.findIndex((line) => line.number === number);
  if (op === "remove" && earlier >= 0) chat.versions.splice(earlier, 1);
  if (op === "edit") chat.versions.push({ ...row, type: "version", version: row.version! });
  chat.rows[index] =
    op === "edit"
      ? { ...row, hash: hash!, version, change }
      : { ...row, uid: "", hash: "", version, change, deleted: true };
  const item: Item = op === "edit" ? [number, row.uid, hash!, version] : [number, "", "", version];
  chat.items[index] = item;
  const { app, chat: of } = chat;
  const read = { type: "op", app, chat: of, via: "api-1", client: "reader", outcome: "ok", uid: row.uid } as const;
  chat.operations.push(
    op === "edit"
      ? { ...read, op: "get", number, status: 200, t0: at + 3 * ms, t1: at + 4 * ms, items: [item] }
      : { ...read, op: "get", number, status: 410, t0: at + 3 * ms, t1: at + 4 * ms, items: [[number, "", ""]] },
  );
  chat.events.push({
    type: "event",
    at: at + 2 * ms,
    client: `follower-${app}${of}`,
    app,
    chat: of,
    via: "api-1",
    connection: 1,
    event: op === "edit" ? "edited" : "deleted",
    position: [chat.rows.length, change],
    item,
    change,
  });
}

function operate(
  chat: Chat,
  number: number,
  op: "edit" | "remove",
  at: number,
  outcome: Operation["outcome"],
  answer: { version?: number; change?: number } = {},
): Operation {
  const { app, chat: of } = chat;
  const { uid } = chat.rows[number - 1]!;
  const status = outcome === "ok" ? (op === "edit" ? 200 : 204) : outcome === "fail" ? 503 : 0;
  const operation: Operation = {
    type: "op",
    op,
    client: "editor-1",
    via: "api-1",
    app,
    chat: of,
    t0: at,
    t1: at + 1 * ms,
    outcome,
    status,
    uid,
    number,
    ...(op === "edit" && { hash: fingerprint(`${uid} ${op} ${at}`).hash }),
    ...(outcome === "ok" && op === "edit" && answer),
    ...(outcome === "fail" && { problem: "still-pending" }),
  };
  chat.operations.push(operation);
  return operation;
}
