import type { SentMessage } from "./sent-message.ts";

/** A message as the api returns it. */
export interface Row {
  readonly number: number;
  /** Unique word in the body; undefined if the body has none. */
  readonly uid: string | undefined;
  readonly body: string;
}

export interface ChatRecord {
  readonly chat: number;
  /** All messages at the end, in the order of the list. */
  readonly rows: readonly Row[];
  /** Value of `messages_count` at the end. */
  readonly counted: number;
  /** The messages that a client received by polling with `?after`, in the order of arrival. */
  readonly polled: readonly Row[];
}

export interface Observations {
  readonly messages: readonly SentMessage[];
  readonly chats: readonly ChatRecord[];
  /** One sentence per message that a read did not show after it was acknowledged. */
  readonly stale: readonly string[];
  /** One sentence per message that a read, a search or the count did not show in time. */
  readonly neverShown: readonly string[];
  /** One sentence per count above the number of messages sent. */
  readonly overcounted: readonly string[];
}

/** The kinds of broken promises, each with its meaning. */
export const anomalies = {
  lost: "acknowledged, but missing or with another body or number",
  duplicated: "stored more than once, or two numbers for one idempotency key",
  reordered: "numbered below a message that was acknowledged before they were sent",
  stale: "not shown by a read that began after they were acknowledged",
  skipped: "never returned to a client that polls with ?after",
  unshown: "not found by search, or not counted, in time",
  miscounted: "counts that differ from the number of messages",
  gaps: "numbers without a message",
  intruders: "stored although they were refused or never sent",
} as const;

export type Anomaly = keyof typeof anomalies;

/** Returns one sentence per case of each anomaly. The same observations always give the same result. */
export function judge(observations: Observations): Record<Anomaly, string[]> {
  const byChat = Map.groupBy(observations.messages, ({ chat }) => chat);
  const found: Record<Anomaly, string[]> = {
    lost: [],
    duplicated: [],
    reordered: [],
    skipped: [],
    gaps: [],
    intruders: [],
    stale: [...observations.stale],
    unshown: [...observations.neverShown],
    miscounted: [...observations.overcounted],
  };
  for (const record of observations.chats) {
    const messages = byChat.get(record.chat) ?? [];
    const known = messages.filter(({ outcome }) => outcome === "ok");
    found.lost.push(...lost(known, record));
    found.duplicated.push(...duplicated(messages, record));
    found.reordered.push(...reordered(known));
    found.skipped.push(...skipped(known, record));
    found.intruders.push(...intruders(messages, record));
    const { chat, rows, counted } = record;
    if (counted !== rows.length) found.miscounted.push(`chat ${chat} counts ${counted} and has ${rows.length}`);
    const highest = Math.max(0, ...rows.map(({ number }) => number));
    const numbers = new Set(rows.map(({ number }) => number));
    for (let number = 1; number < highest; number += 1) {
      if (!numbers.has(number)) found.gaps.push(`chat ${chat} has no ${number} below ${highest}`);
    }
  }
  return found;
}

function lost(known: readonly SentMessage[], { chat, rows }: ChatRecord): string[] {
  const rowOf = new Map(rows.map((row) => [row.number, row]));
  return known.flatMap(({ uid, body, numbers }) => {
    const number = numbers[0]!;
    const row = rowOf.get(number);
    if (row?.body === body) return [];
    const instead = row === undefined ? "nothing" : (row.uid ?? "another message");
    return [`${uid} was acknowledged as ${chat}/${number}, where ${instead} is`];
  });
}

function duplicated(messages: readonly SentMessage[], { chat, rows }: ChatRecord): string[] {
  const rowsOf = Map.groupBy(rows, ({ uid }) => uid);
  return messages.flatMap(({ uid, numbers }) => {
    const there = new Set([...numbers, ...(rowsOf.get(uid) ?? []).map(({ number }) => number)]);
    return there.size > 1 ? [`${uid} is ${[...there].map((number) => `${chat}/${number}`).join(" and ")}`] : [];
  });
}

/**
 * Describes messages that were numbered out of order. If two requests overlap, either may get the smaller number.
 */
function reordered(known: readonly SentMessage[]): string[] {
  const byEnd = known.toSorted((a, b) => a.knownAt - b.knownAt);
  let at = 0;
  let highest: SentMessage | undefined;
  return known
    .toSorted((a, b) => a.beganAt - b.beganAt)
    .flatMap((message) => {
      for (; byEnd[at] !== undefined && byEnd[at]!.knownAt < message.beganAt; at += 1) {
        if (highest === undefined || byEnd[at]!.numbers[0]! > highest.numbers[0]!) highest = byEnd[at];
      }
      if (highest === undefined || highest.numbers[0]! < message.numbers[0]!) return [];
      return [
        `${message.uid} got ${message.numbers[0]!} after ${highest.uid} had been answered ${highest.numbers[0]!}`,
      ];
    });
}

/**
 * Describes messages that polling skipped. Messages after the last page do not count, because the client has not
 * requested them yet.
 */
function skipped(known: readonly SentMessage[], { chat, polled }: ChatRecord): string[] {
  const last = polled.at(-1)?.number ?? 0;
  const seen = new Set(polled.map(({ number, body }) => `${number} ${body}`));
  return known
    .filter(({ numbers, body }) => numbers[0]! <= last && !seen.has(`${numbers[0]!} ${body}`))
    .map(({ uid, numbers }) => `${uid}, ${chat}/${numbers[0]!}, was not in what polling returned up to ${last}`);
}

function intruders(messages: readonly SentMessage[], { chat, rows }: ChatRecord): string[] {
  const outcomes = new Map(messages.map(({ uid, outcome }) => [uid, outcome]));
  return rows.flatMap(({ number, uid }) => {
    const outcome = uid === undefined ? undefined : outcomes.get(uid);
    if (outcome === undefined) return [`${chat}/${number} was never sent`];
    return outcome === "failed" ? [`${uid ?? ""} was refused and is ${chat}/${number}`] : [];
  });
}
