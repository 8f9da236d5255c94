import { chatKey, messageKey, type Model, type Sent } from "./model.ts";
import type { MessageLine, Operation } from "../history/lines.ts";

/** The erasure of a sender, as its clients know it. */
interface ErasedSender {
  readonly app: string;
  readonly sender: string;
  /** The start of the latest acknowledged request; -Infinity if no request was acknowledged. */
  readonly beganAt: number;
  /** The end of the latest request, whether or not it was acknowledged. */
  readonly endedAt: number;
}

/**
 * Judges I25. A message that was sent between the request and its answer may be deleted or not, but the deleted ones
 * must have the lowest numbers.
 */
export function erasedSendersAreGone(model: Model): string[] {
  const rows = new Map(model.rows.map((row) => [messageKey(row), row]));
  const named = model.rows
    .filter((row) => row.deleted === true && isErased(model, row))
    .map((row) => `${messageKey(row)} was erased, and still names its sender ${row.sender}`);
  return [...named, ...erasedSenders(model).flatMap((erased) => violationsOf(model, erased, rows))];
}

/** Returns whether the sender that a row names should have been erased with the row. */
function isErased(model: Model, row: MessageLine): boolean {
  const { knownAt = Infinity } = model.owners.get(messageKey(row)) ?? {};
  return erasedSenders(model).some(
    ({ app, sender, beganAt }) => app === row.app && sender === row.sender && knownAt < beganAt,
  );
}

function erasedSenders({ senderErasures }: Model): ErasedSender[] {
  const requests = Map.groupBy(senderErasures, ({ app, sender }) => `${app} ${String(sender)}`);
  return [...requests.values()].map((of) => ({
    app: of[0]!.app,
    sender: of[0]!.sender!,
    beganAt: Math.max(-Infinity, ...of.filter(({ outcome }) => outcome === "ok").map(({ t0 }) => t0)),
    endedAt: Math.max(...of.map(({ t1 }) => t1)),
  }));
}

function violationsOf(model: Model, erased: ErasedSender, rows: ReadonlyMap<string, MessageLine>): string[] {
  const { app, sender, beganAt, endedAt } = erased;
  const wrong: string[] = [];
  const written = [...model.owners.values()].filter((message) => message.app === app && message.sender === sender);
  for (const [chat, messages] of Map.groupBy(written, chatKey)) {
    // Another client may have deleted a message, before or after the erasure.
    const judged = messages.filter((message) => !isRemoved(model, message) && rows.has(keyOf(message)));
    const isDeleted = (message: Sent) => rows.get(keyOf(message))?.deleted === true;
    for (const message of judged) {
      if (message.knownAt < beganAt && !isDeleted(message))
        wrong.push(`${message.uid} was acknowledged before the erasure of ${sender} was requested, and is not deleted`);
      if (message.beganAt > endedAt && isDeleted(message))
        wrong.push(`${message.uid} was sent after the erasure of ${sender} was acknowledged, and is deleted`);
    }
    const lastDeleted = Math.max(0, ...judged.filter(isDeleted).map(({ number }) => number!));
    const older = judged.find((message) => message.number! < lastDeleted && !isDeleted(message));
    if (older !== undefined)
      wrong.push(
        `${lastDeleted} of ${sender} in chat ${chat} is deleted, and ${older.number!}, which is older, is not`,
      );
  }
  return [...wrong, ...horizonErrors(model, erased)];
}

/**
 * Returns the errors in horizons. A horizon must be deleted unless it moved after the request, and must stay if it
 * moved after the answer.
 */
function horizonErrors(model: Model, { app, sender, beganAt, endedAt }: ErasedSender): string[] {
  const moves = model.operations.filter(
    (operation) =>
      operation.app === app &&
      operation.sender === sender &&
      (operation.op === "horizon" || operation.op === "send") &&
      operation.outcome !== "fail",
  );
  const found = new Map(
    model.horizons.filter((line) => line.app === app && line.sender === sender).map((line) => [chatKey(line), line]),
  );
  return [...Map.groupBy(moves, chatKey)].flatMap(([chat, of]) => {
    const { number = 0 } = found.get(chat) ?? {};
    const late = of.filter(({ outcome, t0 }) => outcome === "ok" && t0 > endedAt).map((move) => move.number!);
    const least = Math.max(0, ...late);
    if (number < least) return [`${sender} has read chat ${chat} up to ${number}, and ${least} was acknowledged later`];
    const isOver = of.every(({ outcome, t1 }) => outcome === "ok" && t1 < beganAt);
    return isOver && number > 0 ? [`${sender} was erased, and has still read chat ${chat} up to ${number}`] : [];
  });
}

function isRemoved(model: Model, message: Sent): boolean {
  const changes: readonly Operation[] = model.changesOf.get(keyOf(message)) ?? [];
  return changes.some(({ op, outcome }) => op === "remove" && outcome !== "fail");
}

function keyOf(message: Sent): string {
  return messageKey({ ...message, number: message.number! });
}
