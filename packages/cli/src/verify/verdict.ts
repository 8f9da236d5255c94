import type { Letter } from "./letter.ts";

/** A message as the api shows it. */
export interface Row {
  readonly number: number;
  /** Undefined: its body is none that was sent. */
  readonly uid: string | undefined;
  readonly body: string;
}

export interface ChatRecord {
  readonly chat: number;
  /** All messages at the end, as the list gives them. */
  readonly rows: readonly Row[];
  /** `messages_count` at the end. */
  readonly counted: number;
  /** What somebody who polls with `?after` was given, in that order. */
  readonly polled: readonly Row[];
}

export interface Observations {
  readonly letters: readonly Letter[];
  readonly chats: readonly ChatRecord[];
  /** A sentence for each message that a read did not show although it was acknowledged before. */
  readonly stale: readonly string[];
  /** The same for what search, or the count, did not show in the time that it was given. */
  readonly neverShown: readonly string[];
  /** The same for each count that was above what had been sent. */
  readonly overcounted: readonly string[];
}

/** What must not happen; each is told as a sentence per case. */
export const anomalies = {
  lost: "acknowledged and not there, or there with another body or number",
  duplicated: "there more than once, or answered two numbers for one idempotency key",
  reordered: "numbered below a message that was answered before they were sent",
  stale: "not shown by a read that began after they were acknowledged",
  skipped: "never given to a client that polls with ?after",
  unshown: "not found by search, or not counted, in time",
  miscounted: "counts that are not the number of messages",
  gaps: "numbers that no message has",
  intruders: "there though they were refused, or never sent",
} as const;

export type Anomaly = keyof typeof anomalies;

/** Every anomaly with its sentences; the same observations give the same. */
export function judge(observations: Observations): Record<Anomaly, string[]> {
  const byChat = Map.groupBy(observations.letters, ({ chat }) => chat);
  const found: Record<Anomaly, string[]> = {
    ...{ lost: [], duplicated: [], reordered: [], skipped: [], gaps: [], intruders: [] },
    stale: [...observations.stale],
    unshown: [...observations.neverShown],
    miscounted: [...observations.overcounted],
  };
  for (const record of observations.chats) {
    const letters = byChat.get(record.chat) ?? [];
    const known = letters.filter(({ outcome }) => outcome === "ok");
    found.lost.push(...lost(known, record));
    found.duplicated.push(...duplicated(letters, record));
    found.reordered.push(...reordered(known));
    found.skipped.push(...skipped(known, record));
    found.intruders.push(...intruders(letters, record));
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

function lost(known: readonly Letter[], { chat, rows }: ChatRecord): string[] {
  const rowOf = new Map(rows.map((row) => [row.number, row]));
  return known.flatMap(({ uid, body, numbers }) => {
    const number = numbers[0]!;
    const row = rowOf.get(number);
    if (row?.body === body) return [];
    const instead = row === undefined ? "nothing" : (row.uid ?? "another message");
    return [`${uid} was acknowledged as ${chat}/${number}, where ${instead} is`];
  });
}

function duplicated(letters: readonly Letter[], { chat, rows }: ChatRecord): string[] {
  const rowsOf = Map.groupBy(rows, ({ uid }) => uid);
  return letters.flatMap(({ uid, numbers }) => {
    const there = new Set([...numbers, ...(rowsOf.get(uid) ?? []).map(({ number }) => number)]);
    return there.size > 1 ? [`${uid} is ${[...there].map((number) => `${chat}/${number}`).join(" and ")}`] : [];
  });
}

/** Of overlapping requests either may have the smaller number. */
function reordered(known: readonly Letter[]): string[] {
  const byEnd = known.toSorted((a, b) => a.knownAt - b.knownAt);
  let at = 0;
  let highest: Letter | undefined;
  return known
    .toSorted((a, b) => a.beganAt - b.beganAt)
    .flatMap((letter) => {
      for (; byEnd[at] !== undefined && byEnd[at]!.knownAt < letter.beganAt; at += 1) {
        if (highest === undefined || byEnd[at]!.numbers[0]! > highest.numbers[0]!) highest = byEnd[at];
      }
      if (highest === undefined || highest.numbers[0]! < letter.numbers[0]!) return [];
      return [`${letter.uid} got ${letter.numbers[0]!} after ${highest.uid} had been answered ${highest.numbers[0]!}`];
    });
}

/** What lies beyond the poller's last page, it has still to ask for. */
function skipped(known: readonly Letter[], { chat, polled }: ChatRecord): string[] {
  const last = polled.at(-1)?.number ?? 0;
  const seen = new Set(polled.map(({ number, body }) => `${number} ${body}`));
  return known
    .filter(({ numbers, body }) => numbers[0]! <= last && !seen.has(`${numbers[0]!} ${body}`))
    .map(({ uid, numbers }) => `${uid}, ${chat}/${numbers[0]!}, was not among what polling gave up to ${last}`);
}

function intruders(letters: readonly Letter[], { chat, rows }: ChatRecord): string[] {
  const outcomes = new Map(letters.map(({ uid, outcome }) => [uid, outcome]));
  return rows.flatMap(({ number, uid }) => {
    const outcome = uid === undefined ? undefined : outcomes.get(uid);
    if (outcome === undefined) return [`${chat}/${number} was sent by nobody`];
    return outcome === "failed" ? [`${uid ?? ""} was refused and is ${chat}/${number}`] : [];
  });
}
