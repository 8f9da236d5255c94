import { countFitting, encodeOtherFields, type MessageContent } from "@confab/contracts";
import { beginningOf, highlight } from "./highlight.ts";
import { createTurns } from "./turns.ts";
import type { FoundMessage, SearchPage } from "./search-index.ts";

/** Time in ms for highlighting one page. After that, hits show only the beginning of their bodies. */
const highlightBudgetMs = 500;

/**
 * Returns the number of bytes that a message's content has in an answer. A control character is six times as long in
 * JSON as in the database.
 */
export function sentBytes(content: MessageContent): number {
  return Buffer.byteLength(JSON.stringify(content.body)) - 2 + Buffer.byteLength(encodeOtherFields(content));
}

/** A found message with the cursor of the page that begins after it. */
export interface Found<Message extends FoundMessage> {
  readonly message: Message;
  readonly cursor: string;
}

export interface PageOptions {
  readonly limit: number;
  /** Folded words and phrases of the query. */
  readonly terms: readonly string[];
  /** Cursor of the next page if this page shows all found messages. Undefined at the end. */
  readonly rest?: string | undefined;
  readonly highlightMs?: number;
}

/** Returns the first found messages that fit on a page, with highlights. If some do not fit, there is a next page. */
export async function toPage<Message extends FoundMessage>(
  found: readonly Found<Message>[],
  { limit, terms, rest, highlightMs = highlightBudgetMs }: PageOptions,
): Promise<SearchPage<Message>> {
  const sizes = found.slice(0, limit).map(({ message }) => sentBytes(message));
  const shown = found.slice(0, countFitting(sizes, limit));
  const hits: SearchPage<Message>["hits"] = [];
  const turns = createTurns();
  for (const { message } of shown) {
    const { body } = message;
    const isMarked = terms.length > 0 && turns.spent() < highlightMs;
    hits.push({ ...message, highlights: isMarked ? highlight(body, terms) : beginningOf(body) });
    await turns.give();
  }
  const next = found.length > shown.length ? shown.at(-1)?.cursor : rest;
  return next === undefined ? { hits } : { hits, next };
}
