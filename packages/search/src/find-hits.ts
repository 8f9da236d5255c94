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

/** Maximum bytes of the contents that a search has read and not compared yet. */
const maxHeldBytes = 16 * maxPageBytes;

/** How much one search may read. */
export interface Limits {
  readonly messages: number;
  readonly ms: number;
}

export interface HitsOptions<Message, Position> {
  readonly request: SearchFilters & PageRequest;
  readonly form: PositionForm<Position>;
  readonly limits: Limits;
  /** Begins after a position, or with the newest message. */
  readonly walkFrom: (after: Position | undefined) => Promise<Walk<Message, Position>>;
}

/**
 * Finds a page of hits by reading messages from the newest one on. When it reaches a limit, it returns the hits so far, and its
 * cursor continues from there.
 *
 * By relevance, a walk from the newest message to the end finds the hits of all ranks: those of the rank of the cursor, and the
 * first ones of each lower rank, which follow. If the cursor is in the middle of its rank, a walk from there finds the rest of
 * this rank, and a second one begins with the newest message and the next rank.
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

/** Returns the rank of a message, or undefined if it does not match. */
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

/** Creates the budget of one search: what is left of its limits. */
export function createBudget({ messages, ms }: Limits, left?: AbortSignal) {
  const turns = createTurns();
  const deadline = performance.now() + ms;
  let read = 0;
  return {
    /** Call this after each message that was read. Gives other work a turn. Throws if nobody waits any more. */
    async isSpentBy(walk: Walk<unknown, unknown>): Promise<boolean> {
      read += 1;
      if (left?.aborted === true) throw new SearchUnavailable("nobody waits for the answer");
      if (read >= messages || performance.now() >= deadline || walk.heldBytes() > maxHeldBytes) return true;
      await turns.give();
      return false;
    },
  };
}

/** Creates a basket for hits in their order: no more of them than show that a page is full. */
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
