import { alwaysFit, contentBytes, countFitting, maxPageBytes } from "@confab/contracts";
import type { Messages, StoredChat } from "@confab/database";
import type { PendingMessages, PendingRecord } from "@confab/pending";
import { fromRecord, type ReadableMessage } from "../representations.ts";
import { beginningOf, restOf, type Walk, type Walked } from "./walk.ts";

export interface AcceptedStores {
  readonly messages: Pick<Messages, "range" | "sizes">;
  readonly pending: Pick<PendingMessages, "read">;
}

interface Candidate {
  readonly number: number;
  readonly bytes: number;
}

// Number of pending records per read. So many records have at most 4 MB, and are decoded in one turn of the event loop.
const recordsAtOnce = 64;
const widestWindow = 1000;

/**
 * Reads the accepted messages of a walk, pending or stored. All numbers of the walk must already be assigned. Redis is
 * read before MySQL, and a record leaves Redis only after its message is in MySQL. If a number is in neither store, its
 * message therefore never appears: it is a dead letter, or it was lost with Redis' data.
 */
export async function readAccepted(
  { messages, pending }: AcceptedStores,
  chat: StoredChat,
  walk: Walk,
): Promise<Walked> {
  const { order, limit } = walk;
  const items: ReadableMessage[] = [];
  const taken: number[] = [];
  // Reads one window after the other, because one window may not fill the page if numbers were lost.
  for (let [left, size] = [walk, limit + 1]; left.from <= left.to;) {
    const { window, records } = await readPending(pending, chat, { ...left, ...beginningOf(left, size) });
    const query = { ...window, order, limit: window.to - window.from + 1 };
    // Reads the bodies immediately if all of them fit on a page. Otherwise reads the sizes first, because 200 bodies
    // can be 13 MB.
    const all = query.limit <= alwaysFit ? await messages.range(chat.id, query) : undefined;
    const candidates = merge(all?.map(measure) ?? (await messages.sizes(chat.id, query)), records, order);

    const sizes = [...taken, ...candidates.map(({ bytes }) => bytes)];
    const shown = candidates.slice(0, Math.max(0, countFitting(sizes, limit) - taken.length));
    const rows = all ?? (shown.length === 0 ? [] : await messages.range(chat.id, { ...query, ...around(shown) }));
    const stored = new Map<number, ReadableMessage>(rows.map((row) => [row.number, row]));
    items.push(...shown.flatMap(({ number }) => stored.get(number) ?? unstored(number, records)));
    if (candidates.length > shown.length) return { items, more: true };

    taken.push(...shown.map(({ bytes }) => bytes));
    left = restOf(left, window);
    size = shown.length > 0 ? Math.max(alwaysFit, limit + 1 - taken.length) : Math.min(2 * size, widestWindow);
  }
  return { items, more: false };
}

/**
 * Reads pending records from the beginning of a walk, until a page is full. Returns them with the window that was read.
 */
async function readPending(pending: Pick<PendingMessages, "read">, chat: StoredChat, walk: Walk) {
  const records = new Map<number, PendingRecord>();
  let bytes = 0;
  let left = walk;
  while (left.from <= left.to && bytes < maxPageBytes) {
    const part = beginningOf(left, recordsAtOnce);
    const { messages } = await pending.read(chat, numbersOf(part));
    for (const [number, record] of messages) {
      records.set(number, record);
      bytes += contentBytes(record);
    }
    left = restOf(left, part);
  }
  const window = walk.order === "asc" ? { from: walk.from, to: left.from - 1 } : { from: left.to + 1, to: walk.to };
  return { window, records };
}

/** Returns the messages of a window in the walk's order. A message that is both pending and stored appears once. */
function merge(stored: readonly Candidate[], records: Map<number, PendingRecord>, order: Walk["order"]): Candidate[] {
  const byNumber = new Map<number, Candidate>();
  for (const [number, record] of records) byNumber.set(number, { number, bytes: contentBytes(record) });
  for (const candidate of stored) byNumber.set(candidate.number, candidate);
  return [...byNumber.values()].sort((a, b) => (order === "asc" ? a.number - b.number : b.number - a.number));
}

function measure(message: ReadableMessage): Candidate {
  return { number: message.number, bytes: contentBytes(message) };
}

function unstored(number: number, records: Map<number, PendingRecord>): ReadableMessage[] {
  const record = records.get(number);
  return record === undefined ? [] : [fromRecord(number, record)];
}

function around(candidates: readonly Candidate[]): { from: number; to: number } {
  const numbers = candidates.map(({ number }) => number);
  return { from: Math.min(...numbers), to: Math.max(...numbers) };
}

function numbersOf({ from, to }: { from: number; to: number }): number[] {
  return Array.from({ length: to - from + 1 }, (_, offset) => from + offset);
}
