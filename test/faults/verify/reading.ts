import { chatKey, isDisturbed, isItemOf, lossesOf, mayBeLost, type Model, type Sent } from "./model.ts";
import { reliable } from "./messages.ts";
import type { Operation } from "../history/lines.ts";

/** Judges I9. The uid in a body names the application in which the message was sent. */
export function foreignWordsStayHidden(model: Model): string[] {
  const read = model.operations.flatMap((operation) =>
    (operation.items ?? [])
      .filter(([, uid]) => uid !== "" && !uid.startsWith(`${operation.app}.`))
      .map(
        ([number, uid]) =>
          `${operation.client} read ${uid} as ${number} with the token of application ${operation.app}`,
      ),
  );
  const stored = [...model.rows, ...model.documents, ...model.listed]
    .filter(({ app, uid }) => uid !== "" && !uid.startsWith(`${app}.`))
    .map(({ type, app, uid }) => `${uid} is a ${type} of application ${app}`);
  const streamed = model.events
    .filter(({ app, item }) => item !== undefined && item[1] !== "" && !item[1].startsWith(`${app}.`))
    .map(({ client, app, item }) => `${client} received ${item![1]} with the token of application ${app}`);
  return [...read, ...stored, ...streamed];
}

/** Judges I13. */
export function pollersSkipNothing(model: Model): string[] {
  return [...skippedByPollers(model), ...holesInPages(model)];
}

/**
 * Returns the pages that leave out a message. Numbers are assigned in order, so a page that shows a number must show
 * all lower numbers in its range. Pages and messages from before a loss do not count: a worker may store such a message
 * above the numbers that are assigned after the loss.
 */
function holesInPages(model: Model): string[] {
  const lost = Math.max(-1, ...lossesOf(model).map(({ t1 }) => t1));
  const counts = (uid: string): boolean => lost < 0 || (model.sent.get(uid)?.beganAt ?? -1) > lost;
  const rows = Map.groupBy(
    model.rows.filter(({ uid }) => counts(uid)),
    chatKey,
  );
  const sorted = new Map([...rows].map(([chat, of]) => [chat, of.toSorted((a, b) => a.number - b.number)]));
  return model.operations.flatMap((read) => {
    if (read.op !== "list" || read.outcome !== "ok" || read.items === undefined || read.t0 <= lost) return [];
    const shown = new Set(read.items.map(([number]) => number));
    const lowest = Math.min(...shown);
    const highest = Math.max(0, ...read.items.filter(([, uid]) => counts(uid)).map(([number]) => number));
    const from = read.descending === true ? (read.more === true ? lowest : 1) : (read.after ?? 0) + 1;
    const ofChat = sorted.get(chatKey(read)) ?? [];
    const missing = ofChat
      .slice(lowerBound(ofChat, from), lowerBound(ofChat, highest))
      .filter(({ number }) => !shown.has(number));
    if (missing.length === 0) return [];
    const numbers = missing.map(({ number }) => number).join(", ");
    return [`${read.client} got a page of chat ${chatKey(read)} up to ${highest} that omits ${numbers}`];
  });
}

/** Returns the stored messages that a poller was never shown, although it reached a higher number. */
function skippedByPollers(model: Model): string[] {
  const rows = Map.groupBy(model.rows, chatKey);
  const polls = model.operations.filter(
    ({ op, descending, outcome, client }) =>
      op === "list" && descending !== true && outcome === "ok" && client.startsWith("poller"),
  );
  const wrong: string[] = [];
  for (const pages of Map.groupBy(polls, (poll) => `${poll.client} ${chatKey(poll)}`).values()) {
    const shown = pages.flatMap(({ items = [] }) => items);
    // The uid must match as well, because another message under the same number would hide this one. A changed message
    // may have another text.
    const seen = new Set(shown.map(([number, uid]) => `${number} ${uid}`));
    const changed = new Set(
      shown.filter(([, uid, , version = 1]) => uid === "" || version > 1).map(([number]) => number),
    );
    const cursor = Math.max(0, ...shown.map(([number]) => number));
    // A number that is assigned again after a loss is not new to a poller that saw a higher number before the loss.
    const excused = Math.max(
      0,
      ...lossesOf(model).flatMap(({ t1 }) =>
        pages.flatMap(({ t0, items = [] }) =>
          items.filter(([, uid]) => t0 < t1 || beganBefore(model, uid, t1)).map(([number]) => number),
        ),
      ),
    );
    for (const { number, uid } of rows.get(chatKey(pages[0]!)) ?? []) {
      // A message from before a loss may be stored later under a number at which the poller saw a newer message.
      const sent = model.sent.get(uid);
      if (sent !== undefined && mayBeLost(model, sent)) continue;
      if (number > excused && number <= cursor && !seen.has(`${number} ${uid}`) && !changed.has(number))
        wrong.push(`${pages[0]!.client} reached ${cursor} and was never shown ${number} (${uid})`);
    }
    for (const { items = [], after = 0, client } of pages) {
      const numbers = [after, ...items.map(([number]) => number)];
      if (numbers.some((number, at) => at > 0 && number <= numbers[at - 1]!))
        wrong.push(
          `${client} got a page after ${after} that is not in ascending order: ${numbers.slice(1).join(", ")}`,
        );
    }
  }
  return wrong;
}

function beganBefore(model: Model, uid: string, moment: number): boolean {
  const sent = model.sent.get(uid);
  return sent !== undefined && sent.beganAt < moment;
}

/** Judges I15. */
export function writesAreReadable(model: Model): string[] {
  return [...staleReads(model)]
    .filter(({ documented }) => !documented)
    .map(
      ({ read, message }) =>
        `${read.client} did not see ${message.uid} (${String(message.number)}), which was acknowledged before this ${read.op} began`,
    );
}

/** A get or a list that began after a message was acknowledged and covers its number, but does not show it. */
export interface StaleRead {
  readonly read: Operation;
  readonly message: Sent;
  /** Whether the documentation allows this stale read during the fault. */
  readonly documented: boolean;
}

/** Yields all stale reads. Leaves out messages that Redis may have lost or that were renumbered. */
export function* staleReads(model: Model): Generator<StaleRead> {
  const byChat = Map.groupBy(reliable(model), chatKey);
  for (const messages of byChat.values()) messages.sort((a, b) => a.number! - b.number!);
  for (const read of model.operations) {
    if ((read.op !== "get" && read.op !== "list") || read.outcome !== "ok") continue;
    const shown = new Set((read.items ?? []).map(([, uid]) => uid));
    const isShown = (message: Sent) =>
      shown.has(message.uid) || read.items?.some((item) => isItemOf(item, message)) === true;
    for (const message of coveredBy(read, byChat.get(chatKey(read)) ?? [])) {
      if (message.knownAt >= read.t0 || isShown(message)) continue;
      const documented = model.run.expectations.staleReads === true && isDisturbed(model, read);
      yield { read, message, documented };
    }
  }
}

/** Returns the messages that an answer must show. `messages` are all messages of the chat, ordered by number. */
function coveredBy(read: Operation, messages: readonly Sent[]): readonly Sent[] {
  if (read.op === "get") return messages.filter(({ uid }) => uid === read.uid);
  const numbers = (read.items ?? []).map(([number]) => number);
  const { after = 0, more = false, descending = false } = read;
  const first = descending ? (more ? Math.min(...numbers, Infinity) : 1) : after + 1;
  const last = descending || !more ? Infinity : Math.max(...numbers, after);
  let from = lowerBound(messages, first);
  const covered: Sent[] = [];
  for (; messages[from] !== undefined && messages[from]!.number! <= last; from += 1) covered.push(messages[from]!);
  return covered;
}

function lowerBound(sorted: readonly { readonly number: number | undefined }[], number: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]!.number! < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
