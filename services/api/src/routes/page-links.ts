import type { MessagesQuery, PageLinks, PageQuery } from "@confab/contracts";
import type { Around, Walk } from "../reading/walk.ts";

/** The numbers that a page may show: above `after` and below `before`, both exclusive. */
interface Span {
  readonly after: number;
  readonly before: number;
}

/** Returns the requested walk, or the requested page around a number. */
export function placeOf(query: MessagesQuery): Walk | Around {
  const { around, limit } = query;
  return around === undefined ? walkOf(query) : { around, limit };
}

/**
 * Returns where a page begins, and in which direction it goes. If only one of `after` and `before` is given, it is an
 * anchor: the page is right after or right before it. Both together are a window that links do not leave, and a cursor
 * is the position in the window.
 */
export function walkOf({ after, before, cursor, order, limit }: MessagesQuery): Walk {
  const [direction, at] = splitCursor(cursor);
  const isAnchor = (after === undefined) !== (before === undefined);
  const anchored = after === undefined ? "desc" : "asc";
  return {
    from: Math.max(after ?? 0, direction === "after" ? at : 0) + 1,
    to: Math.min(before ?? Infinity, direction === "before" ? at : Infinity) - 1,
    order: direction === undefined ? (isAnchor ? anchored : order) : direction === "after" ? "asc" : "desc",
    limit,
  };
}

function splitCursor(cursor: string | undefined): [direction: "after" | "before" | undefined, at: number] {
  if (cursor === undefined) return [undefined, 0];
  const [direction, at] = cursor.split("-") as ["after" | "before", string];
  return [direction, Number(at)];
}

/**
 * A page in ascending order: its numbers, the chat's last number, and whether there is more in the page's direction.
 */
export interface ReadPage {
  readonly numbers: readonly number[];
  readonly last: number;
  readonly more: boolean;
}

/**
 * Returns the links of a page, all with the page's limit, order and window. An empty page links back to where there are
 * messages.
 */
export function linksOf(query: MessagesQuery, { numbers, last, more }: ReadPage): PageLinks {
  const { after, before, around, order } = query;
  const walk = walkOf(query);
  const window: Span = isWindow(query)
    ? { after: after ?? 0, before: before ?? Infinity }
    : { after: 0, before: Infinity };
  const [lowest, highest] = endsOf(numbers, walk);
  const isUp = walk.order === "asc";

  const hasAbove = highest < Math.min(last, window.before - 1);
  const hasBelow = lowest > window.after + 1 && window.after < last;
  // In the direction of the walk, `more` shows whether any of the remaining numbers has a message. In the other
  // direction, only the numbers are known.
  const isMoreAbove = isUp && around === undefined ? more : hasAbove;
  const isMoreBelow = !isUp && around === undefined ? more : hasBelow;
  // A page without a position begins at the beginning of its order, so nothing comes before it.
  const above = isMoreAbove && (isUp || hasPosition(query)) ? position(query, "after", highest) : undefined;
  const below = isMoreBelow && (!isUp || hasPosition(query)) ? position(query, "before", lowest) : undefined;

  const start = isWindow(query) ? { cursor: undefined } : { after: undefined, before: undefined, around: undefined };
  const bottom = order === "asc" ? start : position(query, "after", window.after);
  const top = order === "desc" ? start : position(query, "before", Math.min(last + 1, window.before));
  const [prev, next] = order === "asc" ? [below, above] : [above, below];
  const [first, final] = order === "asc" ? [bottom, top] : [top, bottom];
  // Only the next page, which begins after a number, may wait for messages.
  const atOnce = (page: PageQuery | undefined) =>
    page && (query.wait === undefined ? page : { ...page, wait: undefined });
  return { first: atOnce(prev && first), prev: atOnce(prev), next, last: atOnce(next && final) };
}

function hasPosition({ after, before, around, cursor }: MessagesQuery): boolean {
  return (around ?? cursor) !== undefined || (after === undefined) !== (before === undefined);
}

function isWindow({ after, before }: MessagesQuery): boolean {
  return after !== undefined && before !== undefined;
}

function position(query: MessagesQuery, direction: "after" | "before", at: number): PageQuery {
  if (isWindow(query)) return { cursor: `${direction}-${at}` };
  return { after: undefined, before: undefined, around: undefined, cursor: undefined, [direction]: at };
}

/**
 * Returns the lowest and the highest number of a page. For an empty page, returns the start of the walk, and infinity
 * in the walk's direction.
 */
function endsOf(numbers: readonly number[], { from, to, order }: Walk): [lowest: number, highest: number] {
  if (numbers.length > 0) return [Math.min(...numbers), Math.max(...numbers)];
  return order === "asc" ? [from, Infinity] : [-Infinity, Math.max(0, to)];
}

/**
 * Returns the links of a page. Only a link to a next page that begins after a number contains the numbering in which
 * this page was read. A page that waits always has a next page, because more messages may come. `last` is the last
 * number on the page.
 */
export function withNumbering(
  link: PageLinks,
  query: MessagesQuery,
  last: number | undefined,
  numbering: number,
): PageLinks {
  const next = link.next ?? (query.wait === undefined ? undefined : { after: last ?? query.after });
  const plain = (page: PageQuery | undefined) => page && { ...page, numbering: undefined };
  return {
    first: plain(link.first),
    prev: plain(link.prev),
    next: next?.after === undefined || numbering === 0 ? plain(next) : { ...next, numbering },
    last: plain(link.last),
  };
}
