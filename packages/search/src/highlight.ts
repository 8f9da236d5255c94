import { createBoundaries, type Boundaries } from "./boundaries.ts";
import { foldWithOffsets, type FoldedText } from "./fold.ts";

/** A part of a text, as UTF-16 offsets with an exclusive end. */
interface Range {
  readonly start: number;
  end: number;
}

const maxFragments = 3;
const fragmentLength = 160;
const wholeLength = 2 * fragmentLength;
// Maximum length of a match that is shown. Invisible characters are folded to nothing, so a single word can extend over
// a whole body.
const maxMatchLength = 2 * fragmentLength;
// Maximum distance that a cut may move to fall between two words.
const wordSlack = 20;
// Maximum number of matches per term. They fill all fragments even if they are dense; a body of one repeated letter has
// 65,535.
const maxAnchors = 1_000;
const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);
}

/** Returns the first `maximum` matches of a term that overlap a part of the original text. */
function occurrences({ folded, startOf, endOf, unitAfter }: FoldedText, term: string, part: Range, maximum: number) {
  const found: Range[] = [];
  let at = folded.indexOf(term, Math.max(0, unitAfter(part.start) - term.length + 1));
  while (at !== -1 && found.length < maximum) {
    const start = startOf(at);
    if (start >= part.end) break;
    found.push({ start, end: Math.min(endOf(at + term.length - 1), start + maxMatchLength) });
    at = folded.indexOf(term, at + 1);
  }
  return found;
}

/** Joins ranges that overlap or touch. The result is sorted. */
function merge(ranges: readonly Range[]): Range[] {
  const merged: Range[] = [];
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

/** Returns the range of about `fragmentLength` units of text around a match, cut between words if possible. */
function fragmentAround(text: string, match: Range, boundaries: Boundaries): Range {
  const middle = Math.floor((match.start + match.end) / 2);
  let start = Math.max(0, Math.min(match.start, middle - fragmentLength / 2));
  let end = Math.min(text.length, Math.max(match.end, middle + fragmentLength / 2));
  if (start > 0) {
    const space = text.slice(start, Math.min(start + wordSlack, match.start)).search(/\s/);
    start = boundaries.before(space === -1 ? start : start + space + 1);
  }
  if (end < text.length) {
    const slack = Math.max(match.end, end - wordSlack);
    const space = text.slice(slack, end).search(/\s\S*$/);
    end = boundaries.after(space === -1 ? end : slack + space);
  }
  return { start, end };
}

/** Chooses at most `maxFragments` fragments. The first match of each term has priority over all second matches. */
function chooseFragments(text: string, found: readonly Range[][], boundaries: Boundaries): Range[] {
  if (text.length <= wholeLength) return [{ start: 0, end: text.length }];
  const firsts = found.flatMap((ranges) => ranges.slice(0, 1));
  const rest = found.flatMap((ranges) => ranges.slice(1)).sort((a, b) => a.start - b.start);
  const chosen: Range[] = [];
  for (const match of [...firsts, ...rest]) {
    if (chosen.length === maxFragments) break;
    if (chosen.some(({ start, end }) => start <= match.start && match.end <= end)) continue;
    chosen.push(fragmentAround(text, match, boundaries));
  }
  return chosen.length > 0 ? merge(chosen) : [fragmentAround(text, { start: 0, end: 0 }, boundaries)];
}

/**
 * Returns fragments of a body as escaped HTML, with matches in `<mark>` and `…` where text was cut off. A short body is
 * one whole fragment. The terms must be folded, like those from `queryTerms`. The time is proportional to the length of
 * the body, regardless of its content.
 */
export function highlight(body: string, terms: readonly string[]): string[] {
  const text = body.toWellFormed();
  const folded = foldWithOffsets(text);
  const boundaries = createBoundaries(text);
  const whole = { start: 0, end: text.length };
  const found = terms.map((term) => occurrences(folded, term, whole, maxAnchors));
  return chooseFragments(text, found, boundaries).map((fragment) => {
    const matches = merge(terms.flatMap((term) => occurrences(folded, term, fragment, Infinity)));
    const marks = matches.map(({ start, end }) => ({
      start: Math.max(fragment.start, boundaries.before(start)),
      end: Math.min(fragment.end, boundaries.after(end)),
    }));
    let html = fragment.start > 0 ? "…" : "";
    let at = fragment.start;
    for (const { start, end } of merge(marks)) {
      html += `${escapeHtml(text.slice(at, start))}<mark>${escapeHtml(text.slice(start, end))}</mark>`;
      at = end;
    }
    return html + escapeHtml(text.slice(at, fragment.end)) + (fragment.end < text.length ? "…" : "");
  });
}

/** Returns the beginning of a body as HTML without marks, in little time regardless of the content. */
export function beginningOf(body: string): string[] {
  const text = body.slice(0, wholeLength + 1).toWellFormed();
  if (body.length <= wholeLength) return [escapeHtml(text)];
  return [`${escapeHtml(text.slice(0, createBoundaries(text).before(fragmentLength)))}…`];
}
