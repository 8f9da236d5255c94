import { chatKey, isRenumbered, lossesOf, mayBeErased, mayBeLost, messageKey, type Model } from "./model.ts";
import { isUndone } from "./changes.ts";
import type { EventLine, Item, MessageLine, Operation } from "../history/lines.ts";
import { dropAbove } from "../load/stream-readers.ts";

/** The state of a reader after a number of events. */
interface Known {
  number: number;
  change: number;
  /**
   * Each message as its last event contained it, with the change number (0 if there is none) and with the connection
   * that delivered the event.
   */
  readonly messages: Map<number, { readonly item: Item; readonly change: number; readonly connection: number }>;
}

/** Judges I21. */
export function streamsSkipNothing(model: Model): string[] {
  const edits = Map.groupBy(
    model.operations.filter((each) => each.op === "edit" && each.outcome === "ok" && !isUndone(model, each)),
    chatKey,
  );
  const rows = new Map(model.rows.map((row) => [messageKey(row), row]));
  return readersOf(model).flatMap((events) => {
    const known: Known = { number: 0, change: 0, messages: new Map() };
    const acknowledged = (edits.get(chatKey(events[0]!)) ?? []).toSorted((a, b) => a.change! - b.change!);
    let passed = 0;
    return events.flatMap((event, at) => {
      const lost = lossesOf(model).length > 0 ? resetTo(events.slice(at + 1)) : Infinity;
      const wrong = [...numberErrors(model, event, known, rows, lost), ...changeErrors(model, event, known)];
      apply(event, known);
      for (; (acknowledged[passed]?.change ?? Infinity) <= known.change; passed += 1)
        if (isSkipped(model, acknowledged[passed]!, event, known))
          wrong.push(
            `${event.client} reached change ${known.change} and was never shown ${acknowledged[passed]!.change}`,
          );
      return wrong;
    });
  });
}

/** Returns the lowest number to which a reset among these events takes the reader back. */
function resetTo(events: readonly EventLine[]): number {
  const resets = events.filter(({ event }) => event === "reset");
  return Math.min(Infinity, ...resets.map(({ position }) => position![0]));
}

/**
 * Returns the errors in message numbers. Each number must be delivered once, in order, or be in a gap. Numbers above
 * `lost` are delivered again later.
 */
function numberErrors(
  model: Model,
  { event, client, item, gap, position, app, chat }: EventLine,
  { number }: Known,
  rows: ReadonlyMap<string, MessageLine>,
  lost: number,
): string[] {
  if (event === "message" && item![0] !== number + 1) return [`${client} received ${item![0]} after ${number}`];
  if (event === "caught-up" && position![0] !== number) return [`${client} caught up to ${position![0]} at ${number}`];
  if (event === "reset" && lossesOf(model).length === 0 && model.run.expectations.losesChanges !== true)
    return [`${client} was reset to ${position![0]}, and nothing was lost`];
  if (event === "reset" && position![0] > number) return [`${client} was reset to ${position![0]} at ${number}`];
  if (event !== "gap") return [];
  const [from, to] = gap!;
  if (from !== number + 1 || to < from) return [`${client} received a gap from ${from} to ${to} after ${number}`];
  const inGap = Array.from({ length: to - from + 1 }, (_, index) =>
    rows.get(messageKey({ app, chat, number: from + index })),
  );
  const stored = inGap.filter((row) => {
    const sent = row && model.sent.get(row.uid);
    // A message from before a loss may be stored after messages with higher numbers.
    return row !== undefined && row.number <= lost && !(sent && mayBeLost(model, sent));
  });
  if (stored.length > 0)
    return [`${client} received a gap from ${from} to ${to}, and ${stored[0]!.uid} has a number in it`];
  const dead = model.deadLetters.some((line) => line.number >= from && line.number <= to);
  if (dead || lossesOf(model).length > 0 || model.run.expectations.gaps === true) return [];
  return [`${client} received a gap from ${from} to ${to}, and no dead letter explains it`];
}

/**
 * Returns the errors in the order of changes. Changes must come in order, and no change may come twice on one
 * connection.
 */
function changeErrors(model: Model, event: EventLine, { number, change, messages }: Known): string[] {
  const { client, item, position, connection } = event;
  if (position !== undefined && position[1] < change && event.event !== "reset")
    return [`${client} received change ${position[1]} after ${change}`];
  if (event.event !== "edited" && event.event !== "deleted") return [];
  const [of, uid] = item!;
  if (position![1] === change || event.change !== position![1])
    return [`${client} received change ${String(event.change)} at ${String(position)}, after ${change}`];
  if ((event.event === "deleted") !== (uid === ""))
    return [`${client} received ${of} as ${event.event}, which it is not`];
  if (of > number) return [`${client} received a change of ${of} before its message`];
  const shown = messages.get(of);
  if (shown === undefined || model.run.expectations.losesChanges === true) return [];
  // This compares change numbers, like a client. A message that is stored late has the same version as the message that
  // was delivered before under its number. A reader that reconnected in the middle of a catch-up may receive a change
  // again.
  return event.change < shown.change || (event.change === shown.change && shown.connection === connection)
    ? [`${client} received change ${event.change} of ${of} after change ${shown.change}`]
    : [];
}

function apply({ event, position, item, change = 0, connection }: EventLine, known: Known): void {
  if (position === undefined) return;
  [known.number, known.change] = position;
  if (event === "reset") dropAbove(known.messages, known.number);
  if (item) known.messages.set(item[0], { item, change, connection });
}

/**
 * Returns whether a reader should have received an edit by now and did not. A reader may miss the edit if a later
 * change of the same message has begun.
 */
function isSkipped(model: Model, edit: Operation, { at }: EventLine, { number, messages }: Known): boolean {
  const shown = messages.get(edit.number!);
  if (edit.number! > number || shown === undefined || (shown.item[3] ?? 1) >= edit.version!) return false;
  if (mayBeErased(model, { ...edit, number: edit.number! }, at)) return false;
  const others = model.changesOf.get(messageKey({ ...edit, number: edit.number! })) ?? [];
  return !others.some((each) => each.outcome !== "fail" && each.t0 < at && (each.version ?? Infinity) > edit.version!);
}

/** Judges I22. */
export function streamsEndAsLists(model: Model): string[] {
  const listed = Map.groupBy(model.listed, chatKey);
  const dead = new Set(model.deadLetters.map(messageKey));
  const sentAs = Map.groupBy(model.sent.values(), ({ app, chat, number = 0 }) => messageKey({ app, chat, number }));
  return readersOf(model).flatMap((events) => {
    const [{ client, app, chat }] = events as [EventLine];
    const state = new Map<number, Item>();
    for (const { event, position, item } of events) {
      if (item) state.set(item[0], item);
      if (event === "reset") dropAbove(state, position![0]);
    }
    const wrong: string[] = [];
    const isMoved = (uid: string) => {
      const sent = model.sent.get(uid);
      return sent !== undefined && (mayBeLost(model, sent) || isRenumbered(model, sent));
    };
    // A deleted message is delivered without its uid.
    const uidsOf = (number: number, uid: string) =>
      uid === "" ? (sentAs.get(messageKey({ app, chat, number })) ?? []).map((sent) => sent.uid) : [uid];
    for (const line of listed.get(chatKey({ app, chat })) ?? []) {
      const { number, uid, hash, version } = line;
      const item = state.get(number);
      state.delete(number);
      // A reader that received another message under a number receives the right one as soon as the other message is
      // stored elsewhere.
      const isOther =
        item !== undefined && ![item[1], uid].includes("") && item[1] !== uid && model.rowsOf.has(item[1]);
      if (isMoved(uid) && !isOther) continue;
      if (item === undefined) wrong.push(`${client} was never shown ${number} (${uid})`);
      else if (model.run.expectations.losesChanges === true) continue;
      else if (isOther) wrong.push(`${client} knows ${item[1]} instead of ${number} (${uid})`);
      else if (item[2] !== hash || item[3] !== version)
        wrong.push(
          `${client} knows version ${String(item[3])} of ${number}, and the list shows version ${String(version)}`,
        );
    }
    for (const [number, [, uid]] of state)
      if (!uidsOf(number, uid).some(isMoved) && !dead.has(messageKey({ app, chat, number })))
        wrong.push(`${client} was shown ${number}, which is not in the list`);
    return wrong;
  });
}

/** Returns the events of each reader in the order of their arrival. Leaves out readers that received no events. */
function readersOf(model: Model): EventLine[][] {
  return [...Map.groupBy(model.events, (event) => `${event.client} ${chatKey(event)}`).values()];
}
