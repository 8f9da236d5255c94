import { chatKey, type Model, type Sent } from "./model.ts";
import { acknowledged } from "./messages.ts";
import type { Operation } from "../history/lines.ts";

/**
 * Latencies in ms over all messages that reads could have shown. `never` counts the messages that the last of these
 * reads did not show.
 */
export interface Latency {
  readonly messages: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly never: number;
}

export type Reading = "get" | "list" | "search" | "counts";

/**
 * Measures how long after its acknowledgement a message became permanently visible, for each kind of read. The latency
 * is 0 if no later read missed the message. Otherwise it ends with the start of the first read after the last one that
 * missed the message.
 */
export function stableLatencies(model: Model): Record<Reading, Latency> {
  const removals = model.operations.filter(({ op, outcome }) => op === "remove" && outcome !== "fail");
  const removed = new Set(removals.map(({ uid }) => uid));
  // Reads no longer show a message after its deletion, so deleted messages do not count.
  const messages = acknowledged(model).filter(({ uid }) => !removed.has(uid));
  const reads = Map.groupBy(
    model.operations.filter(({ outcome }) => outcome === "ok"),
    ({ op }) => op,
  );
  const byUid = (op: "get" | "search") => {
    const of = Map.groupBy(
      (reads.get(op) ?? []).filter(({ uid }) => uid !== undefined),
      ({ uid }) => uid!,
    );
    return summarise(
      messages.flatMap((message) => {
        const mine = (of.get(message.uid) ?? []).filter(({ t0 }) => t0 > message.knownAt);
        return mine.length === 0 ? [] : [stableAfter(message, mine, showsUid(message.uid))];
      }),
    );
  };
  const lists = Map.groupBy(reads.get("list") ?? [], chatKey);
  const counts = Map.groupBy(reads.get("count") ?? [], chatKey);
  const ranks = new Map<string, number>();
  for (const ofChat of Map.groupBy(messages, chatKey).values())
    ofChat.toSorted((a, b) => a.knownAt - b.knownAt).forEach(({ uid }, index) => ranks.set(uid, index + 1));
  return {
    get: byUid("get"),
    list: summarise(
      messages.flatMap((message) => {
        const mine = (lists.get(chatKey(message)) ?? []).filter((read) => covers(read, message));
        return mine.length === 0 ? [] : [stableAfter(message, mine, showsUid(message.uid))];
      }),
    ),
    search: byUid("search"),
    counts: summarise(
      messages.flatMap((message) => {
        const mine = (counts.get(chatKey(message)) ?? []).filter(({ t0 }) => t0 > message.knownAt);
        const rank = ranks.get(message.uid)!;
        return mine.length === 0 ? [] : [stableAfter(message, mine, ({ count = 0 }) => count >= rank)];
      }),
    ),
  };
}

const showsUid = (uid: string) => (read: Operation) => read.items?.some((item) => item[1] === uid) === true;

/**
 * Returns whether a page was read after the acknowledgement of a message and covers its number. A poller does not read
 * a number again after the first page that shows it.
 */
function covers(read: Operation, { number, knownAt }: Sent): boolean {
  if (read.t0 <= knownAt) return false;
  const numbers = (read.items ?? []).map((item) => item[0]);
  if (read.descending === true) return read.more !== true || Math.min(...numbers) <= number!;
  return number! > (read.after ?? 0) && (read.more !== true || number! <= Math.max(...numbers));
}

function stableAfter({ knownAt }: Sent, reads: readonly Operation[], shows: (read: Operation) => boolean): number {
  const lastMissing = reads.findLastIndex((read) => !shows(read));
  if (lastMissing < 0) return 0;
  const first = reads[lastMissing + 1];
  return first === undefined ? Infinity : (first.t0 - knownAt) / 1e6;
}

function summarise(values: readonly number[]): Latency {
  const finite = values.filter(Number.isFinite).sort((a, b) => a - b);
  const at = (part: number) => finite[Math.min(finite.length - 1, Math.floor(finite.length * part))] ?? 0;
  return {
    messages: values.length,
    p50: at(0.5),
    p99: at(0.99),
    max: finite.at(-1) ?? 0,
    never: values.length - finite.length,
  };
}
