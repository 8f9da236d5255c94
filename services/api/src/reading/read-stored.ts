import { countFitting, ProblemError } from "@confab/contracts";
import type { Messages, StoredChat } from "@confab/database";
import type { Walk, Walked } from "./walk.ts";

export type StoredMessages = Pick<Messages, "range" | "sizes" | "deadLettered">;

/** Maximum number of missing numbers that are looked up in the dead letters. */
const maxDeadLettered = 1000;

/**
 * Reads the stored messages of a walk while Redis is unavailable, up to the first number that is neither stored nor a
 * dead letter. The message with that number may be pending, and a reader who continued after the number would never see
 * the message.
 */
export async function readStored(messages: StoredMessages, chat: StoredChat, walk: Walk): Promise<Walked> {
  const { from, to, order, limit } = walk;
  if (from > to) return { items: [], more: false };
  const sizes = await messages.sizes(chat.id, { from, to, order, limit: limit + 1 });
  const end = order === "asc" ? to + 1 : from - 1;
  const stops = sizes.map(({ number }) => number).concat(sizes.length > limit ? [] : [end]);
  const gap = await findGap(messages, chat.id, walk, stops);
  // In ascending order, a reader gets the missing messages later by continuing from the page's end. In descending
  // order, a reader would not come back for them.
  const mustWait = gap !== -1 && order === "desc";
  if (mustWait && gap === 0) {
    throw new ProblemError("service-unavailable", {
      detail: `Some messages up to number ${to} are not stored. They cannot be read at the moment. Retry later.`,
    });
  }
  const unbroken = gap === -1 ? sizes : sizes.slice(0, gap);
  const bodies = unbroken.map(({ bytes }) => bytes);
  const count = countFitting(bodies, limit);
  const ends = [unbroken[0]?.number ?? 0, unbroken[count - 1]?.number ?? 0];
  const window = { from: Math.min(...ends), to: Math.max(...ends) };
  const items = count === 0 ? [] : await messages.range(chat.id, { ...window, order, limit: count });
  return { items, more: unbroken.length > count || mustWait };
}

/**
 * Returns the index of the first stop of a walk before which a number is neither stored nor a dead letter. Returns -1
 * if there is no such stop.
 */
async function findGap(
  messages: StoredMessages,
  chatId: bigint,
  { from, to, order }: Walk,
  stops: readonly number[],
): Promise<number> {
  const [first, step] = order === "asc" ? [from, 1] : [to, -1];
  const last = stops.at(-1) ?? first;
  if (last === first + step * (stops.length - 1)) return -1;
  const span = { chatId, from: Math.min(first, last), to: Math.max(first, last) };
  const deadLettered = new Set(await messages.deadLettered(span, { order, limit: maxDeadLettered }));
  let expected = first;
  return stops.findIndex((number) => {
    while (expected !== number && deadLettered.has(expected)) expected += step;
    expected += step;
    return expected !== number + step;
  });
}
