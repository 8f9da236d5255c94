import { InvalidQuery } from "./errors.ts";
import { fold } from "./fold.ts";

/** Maximum length of a query, in characters (code points). */
export const maxQueryLength = 256;
/** Maximum number of words and phrases in a query. */
export const maxQueryTerms = 16;

/** Matches a phrase between double quotes that are not part of a word, or a word. */
const termPattern = /(?<!\P{White_Space})"([^"]+)"(?!\P{White_Space})|\P{White_Space}+/gu;

/**
 * Returns the folded words and phrases, without duplicates, that a text must contain to match. Double quotes around
 * words make a phrase, which must occur as it is written, white space included. Every other character is literal.
 */
export function queryTerms(q: string): string[] {
  const terms = Array.from(fold(q).matchAll(termPattern), ([word, phrase = ""]) => phrase.trim() || word);
  return [...new Set(terms)];
}

/** Returns what is wrong with a query, as words that can follow its name ("must …"), or undefined if it is valid. */
export function queryProblem(q: string): string | undefined {
  // A query with more than twice the limit in UTF-16 units is always too long, so huge queries are refused without
  // counting characters.
  if (q.length > 2 * maxQueryLength || Array.from(q).length > maxQueryLength) {
    return `must have at most ${maxQueryLength} characters`;
  }
  const terms = queryTerms(q);
  if (terms.length === 0) return "must contain at least one visible character";
  if (terms.length > maxQueryTerms) return `must have at most ${maxQueryTerms} words and phrases`;
  return undefined;
}

/** Returns the terms of a query, or none if there is no query. Throws `InvalidQuery` if it is invalid. */
export function parseQuery(q: string | undefined): string[] {
  if (q === undefined) return [];
  const problem = queryProblem(q);
  if (problem !== undefined) throw new InvalidQuery(`the query ${problem}`);
  return queryTerms(q);
}

/** Returns whether a folded text contains every term. This is the definition of a match for all backends. */
export function matches(folded: string, terms: readonly string[]): boolean {
  return terms.every((term) => folded.includes(term));
}
