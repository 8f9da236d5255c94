import { encodeCursor } from "./cursor.ts";
import { highlight } from "./highlight.ts";
import type { SearchPage } from "./search-index.ts";

/** A message as a backend finds it. */
export interface StoredMessage {
  number: number;
  body: string;
  createdAt: Date;
  updatedAt: Date;
}

/** The first `limit` of what was found, highlighted; one message more than that means that there is a next page. */
export function toPage(found: readonly StoredMessage[], limit: number, terms: readonly string[]): SearchPage {
  const hits = found.slice(0, limit).map((message) => ({ ...message, highlights: highlight(message.body, terms) }));
  const last = hits.at(-1);
  return found.length > limit && last !== undefined ? { hits, next: encodeCursor(last.number) } : { hits };
}
