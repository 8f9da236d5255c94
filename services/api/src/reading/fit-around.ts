import { contentBytes, countFitting, type MessageContent } from "@confab/contracts";

/**
 * Joins the messages below and above a middle, both ascending, into one ascending page. If their contents exceed a
 * page's bytes, leaves out the messages farthest from the middle.
 */
export function fitAround<T extends MessageContent>(below: readonly T[], above: readonly T[]): T[] {
  const nearestFirst: { message: T; isBelow: boolean }[] = [];
  for (let distance = 0; distance < Math.max(below.length, above.length); distance += 1) {
    const [up, down] = [above[distance], below.at(-1 - distance)];
    if (up) nearestFirst.push({ message: up, isBelow: false });
    if (down) nearestFirst.push({ message: down, isBelow: true });
  }
  const sizes = nearestFirst.map(({ message }) => contentBytes(message));
  const shown = nearestFirst.slice(0, countFitting(sizes, sizes.length));
  const count = shown.filter(({ isBelow }) => isBelow).length;
  return [...below.slice(below.length - count), ...above.slice(0, shown.length - count)];
}

/**
 * Returns the range of numbers on the page around a number. The number is as close to the page's middle as the ends of
 * the chat allow.
 */
export function rangeAround(around: number, limit: number, last: number): { from: number; to: number } {
  const to = Math.min(last, Math.max(limit, around + Math.ceil(limit / 2) - 1));
  return { from: Math.max(1, to - limit + 1), to };
}
