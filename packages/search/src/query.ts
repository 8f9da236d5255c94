import { InvalidQuery } from "./errors.ts";
import { fold } from "./fold.ts";

/** Longest query, in characters (code points). */
export const MAX_QUERY_LENGTH = 256;
/** Most words in one query. */
export const MAX_QUERY_TERMS = 16;

/** The folded words a text must all contain to match; every character stands for itself, each word is told once. */
export function queryTerms(q: string): string[] {
  return [...new Set(fold(q).split(/\p{White_Space}+/u))].filter((term) => term !== "");
}

/** What is wrong with a query, in words that can follow its name ("must …"), or undefined when it can be searched for. */
export function queryProblem(q: string): string | undefined {
  // A UTF-16 length of twice the limit is too long whatever it holds: a huge query is refused without being counted.
  if (q.length > 2 * MAX_QUERY_LENGTH || Array.from(q).length > MAX_QUERY_LENGTH) {
    return `must be at most ${MAX_QUERY_LENGTH} characters long`;
  }
  const terms = queryTerms(q);
  if (terms.length === 0) return "must contain something to search for";
  if (terms.length > MAX_QUERY_TERMS) return `must be at most ${MAX_QUERY_TERMS} words`;
  return undefined;
}

/** The terms of a query that may be searched for; throws `InvalidQuery` otherwise. */
export function parseQuery(q: string): string[] {
  const problem = queryProblem(q);
  if (problem !== undefined) throw new InvalidQuery(`the query ${problem}`);
  return queryTerms(q);
}

/** Whether a folded text contains every term: the definition of a match, for all backends. */
export function matches(folded: string, terms: readonly string[]): boolean {
  return terms.every((term) => folded.includes(term));
}
