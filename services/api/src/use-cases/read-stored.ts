import { countFitting, ProblemError } from "@confab/contracts";
import type { Messages } from "@confab/database";
import type { Place, Walk, Walked } from "./walk.ts";

export type StoredMessages = Pick<Messages, "range" | "sizes" | "deadLettered">;

/** So many missing numbers at most are looked up among the dead letters. */
const maxDeadLettered = 1000;

/**
 * The stored messages of a walk, for as long as Redis cannot be asked: up to the first number that is neither stored nor
 * a dead letter. That one may be pending, and a reader who went past it would never see it.
 */
export async function readStored(messages: StoredMessages, place: Place, walk: Walk): Promise<Walked> {
  const { from, to, order, limit } = walk;
  if (from > to) return { items: [], more: false };
  const sizes = await messages.sizes(place.id, { from, to, order, limit: limit + 1 });
  const end = order === "asc" ? to + 1 : from - 1;
  const stops = sizes.map(({ number }) => number).concat(sizes.length > limit ? [] : [end]);
  const gap = await findGap(messages, place.id, walk, stops);
  // Upwards, what follows is not there yet, and the reader asks again later. Downwards, nobody would come back for it.
  const mustWait = gap !== -1 && order === "desc";
  if (mustWait && gap === 0) {
    throw new ProblemError("service-unavailable", {
      detail: `Some messages up to number ${to} are not stored, and cannot be read while the queue cannot be reached.`,
    });
  }
  const unbroken = gap === -1 ? sizes : sizes.slice(0, gap);
  const bodies = unbroken.map(({ bytes }) => bytes);
  const count = countFitting(bodies, limit);
  const ends = [unbroken[0]?.number ?? 0, unbroken[count - 1]?.number ?? 0];
  const window = { from: Math.min(...ends), to: Math.max(...ends) };
  const items = count === 0 ? [] : await messages.range(place.id, { ...window, order, limit: count });
  return { items, more: unbroken.length > count || mustWait };
}

/** Which of the stops of a walk is the first one before which a number is missing, -1 where none is. */
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
