import { InvalidQuery } from "./errors.ts";
import { fold } from "./fold.ts";

/** Maximum length of a query in characters (code points). */
export const MAX_QUERY_LENGTH = 256;
/** Maximum number of words in a query. */
export const MAX_QUERY_TERMS = 16;

/** The folded words that a text must all contain to match, without duplicates. Every character is literal. */
export function queryTerms(q: string): string[] {
  return [...new Set(fold(q).split(/\p{White_Space}+/u))].filter((term) => term !== "");
}

/** Why a query is invalid, as text that can follow its name ("must …"), or undefined if it is valid. */
export function queryProblem(q: string): string | undefined {
  // More than twice the limit in UTF-16 units is always too long, so the characters of a huge query are not counted.
  if (q.length > 2 * MAX_QUERY_LENGTH || Array.from(q).length > MAX_QUERY_LENGTH) {
    return `must be at most ${MAX_QUERY_LENGTH} characters long`;
  }
  const terms = queryTerms(q);
  if (terms.length === 0) return "must contain at least one visible character";
  if (terms.length > MAX_QUERY_TERMS) return `must be at most ${MAX_QUERY_TERMS} words`;
  return undefined;
}

/** The terms of a valid query. Throws `InvalidQuery` if it is invalid. */
export function parseQuery(q: string): string[] {
  const problem = queryProblem(q);
  if (problem !== undefined) throw new InvalidQuery(`the query ${problem}`);
  return queryTerms(q);
}

/** True if a folded text contains every term. This is the definition of a match for all backends. */
export function matches(folded: string, terms: readonly string[]): boolean {
  return terms.every((term) => folded.includes(term));
}
