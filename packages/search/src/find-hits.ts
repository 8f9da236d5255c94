import { contentBytes, maxPageBytes } from "@confab/contracts";
import { cursorsOf, type PositionForm } from "./cursor.ts";
import { SearchUnavailable } from "./errors.ts";
import { fold } from "./fold.ts";
import { toPage, type Found } from "./page.ts";
import { matches, parseQuery } from "./query.ts";
import { createTurns } from "./turns.ts";
import type { FoundMessage, PageRequest, SearchFilters, SearchPage } from "./search-index.ts";
import type { Walk } from "./walk-chats.ts";
import { markWords, rankingOf, rankOf } from "./words.ts";

/** Maximum number of bytes of contents that a search has read and not compared yet. */
const maxHeldBytes = 16 * maxPageBytes;

/** Maximum number of messages that one search may read, and maximum time in ms that it may take. */
export interface Limits {
  readonly messages: number;
  readonly ms: number;
}

export interface HitsOptions<Message, Position> {
  readonly request: SearchFilters & PageRequest;
  readonly form: PositionForm<Position>;
  readonly limits: Limits;
  /** Starts a walk after a position or, if the position is undefined, with the newest message. */
  readonly walkFrom: (after: Position | undefined) => Promise<Walk<Message, Position>>;
}

/**
 * Finds a page of hits by reading messages from the newest one on. When it reaches a limit, it returns the hits so far,
 * and its cursor continues from there.
 *
 * In the order by relevance, a walk from the newest message to the end finds the hits of all ranks: first those of the
 * cursor's rank, then the first ones of each lower rank. If the cursor is in the middle of its rank, a walk from there
 * finds the rest of this rank, and a second walk begins with the newest message and the next rank.
 */
export async function findHits<Message extends FoundMessage, Position>({
  request,
  form,
  limits,
  walkFrom,
}: HitsOptions<Message, Position>): Promise<SearchPage<Message>> {
  const { limit, cursor, order = "newest" } = request;
  const terms = parseQuery(request.q);
  const ranking = order === "newest" ? [] : rankingOf(terms);
  const cursors = cursorsOf(order, form);
  const rankIn = rankerFor(request, terms, ranking);
  const budget = createBudget(limits, request.signal);
  const page = createBasket<Message>(limit);
  let { rank, position: after } = cursor === undefined ? beginningWith(ranking.length) : cursors.decode(cursor);
  for (;;) {
    const walk = await walkFrom(after);
    const lower = Array.from({ length: rank }, () => createBasket<Message>(limit));
    for (let next = await walk.next(); next !== undefined; next = await walk.next()) {
      const { message, position } = next;
      const found = rankIn(message);
      const basketOf = (at: number) => (at === rank ? page : lower[at]);
      if (found !== undefined) basketOf(found)?.add({ message, cursor: cursors.encode({ rank: found, position }) });
      if (page.isFull() || (await budget.isSpentBy(walk))) {
        return toPage(page.found, { limit, terms, rest: cursors.encode({ rank, position }) });
      }
    }
    if (after === undefined || rank === 0) {
      return toPage(
        [page, ...lower.reverse()].flatMap(({ found }) => found),
        { limit, terms },
      );
    }
    ({ rank, position: after } = beginningWith(rank - 1));
  }
}

function beginningWith(rank: number): { rank: number; position: undefined } {
  return { rank, position: undefined };
}

/** Returns a function that returns the rank of a message, or undefined if the message does not match. */
export function rankerFor(
  { sender, from, to }: SearchFilters,
  terms: readonly string[],
  ranking: readonly string[][] = [],
): (message: FoundMessage) => number | undefined {
  return (message) => {
    if (sender !== undefined && message.sender !== sender) return undefined;
    if (from !== undefined && message.createdAt < from) return undefined;
    if (to !== undefined && message.createdAt >= to) return undefined;
    const folded = fold(message.body);
    if (!matches(folded, terms)) return undefined;
    return ranking.length === 0 ? 0 : rankOf(markWords(folded), ranking);
  };
}

/** Creates the budget of one search. It is spent when the search reaches one of its limits. */
export function createBudget({ messages, ms }: Limits, left?: AbortSignal) {
  const turns = createTurns();
  const deadline = performance.now() + ms;
  let read = 0;
  return {
    /**
     * Returns whether the budget is spent or the walk holds too many bytes; otherwise gives other work a turn. Call
     * this after each message that was read. Throws if nobody is waiting any more.
     */
    async isSpentBy(walk: Walk<unknown, unknown>): Promise<boolean> {
      read += 1;
      if (left?.aborted === true) throw new SearchUnavailable("nobody waits for the answer");
      if (read >= messages || performance.now() >= deadline || walk.heldBytes() > maxHeldBytes) return true;
      await turns.give();
      return false;
    },
  };
}

/** Creates a basket that collects hits in order until there are more than fit on a page. */
function createBasket<Message extends FoundMessage>(limit: number) {
  const found: Found<Message>[] = [];
  let bytes = 0;
  const isFull = () => found.length > limit || bytes > maxPageBytes;
  return {
    found,
    isFull,
    add(hit: Found<Message>): void {
      if (isFull()) return;
      found.push(hit);
      bytes += contentBytes(hit.message);
    },
  };
}
