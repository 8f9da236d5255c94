import { clusters } from "./fold.ts";

/** A part of a text: UTF-16 offsets, the end excluded. */
interface Range {
  start: number;
  end: number;
}

const MAX_FRAGMENTS = 3;
const FRAGMENT_LENGTH = 160;
const WHOLE_LENGTH = 2 * FRAGMENT_LENGTH;
// How far a cut may move to fall between two words.
const WORD_SLACK = 20;
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
}

/** Where each term occurs, as ranges of whole clusters of the original text. */
function occurrences(text: string, terms: readonly string[]): Range[][] {
  let folded = "";
  const ranges: Range[] = [];
  let start = 0;
  for (const cluster of clusters(text)) {
    const range = { start, end: start + cluster.source.length };
    ranges.push(...Array<Range>(cluster.folded.length).fill(range));
    folded += cluster.folded;
    start = range.end;
  }
  return terms.map((term) => {
    const found: Range[] = [];
    for (let at = folded.indexOf(term); at !== -1; at = folded.indexOf(term, at + 1)) {
      const [first, last] = [ranges[at], ranges[at + term.length - 1]];
      if (first !== undefined && last !== undefined) found.push({ start: first.start, end: last.end });
    }
    return found;
  });
}

/** Joins ranges that overlap or touch; the result is in order. */
function merge(ranges: readonly Range[]): Range[] {
  const merged: Range[] = [];
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

/** Moves offsets to where a reader sees a character begin, so that no flag, family emoji or letter with marks is cut. */
function createBoundaries(text: string) {
  const segments = graphemes.segment(text);
  const isMark = (at: number) => /^\p{M}/u.test(text.slice(at, at + 2));
  const before = (at: number): number => {
    let start = segments.containing(at)?.index ?? at;
    while (start > 0 && isMark(start)) start = segments.containing(start - 1)?.index ?? 0;
    return start;
  };
  const after = (at: number): number => {
    let end = at;
    while (end < text.length && before(end) < end) {
      const { index, segment } = segments.containing(end) ?? { index: end, segment: text.slice(end) };
      end = index + segment.length;
    }
    return end;
  };
  return { before, after };
}

type Boundaries = ReturnType<typeof createBoundaries>;

/** About `FRAGMENT_LENGTH` of text around a match, cut between words where one ends nearby. */
function fragmentAround(text: string, match: Range, boundaries: Boundaries): Range {
  const middle = Math.floor((match.start + match.end) / 2);
  let start = Math.max(0, Math.min(match.start, middle - FRAGMENT_LENGTH / 2));
  let end = Math.min(text.length, Math.max(match.end, middle + FRAGMENT_LENGTH / 2));
  if (start > 0) {
    const space = text.slice(start, Math.min(start + WORD_SLACK, match.start)).search(/\s/);
    start = boundaries.before(space === -1 ? start : start + space + 1);
  }
  if (end < text.length) {
    const slack = Math.max(match.end, end - WORD_SLACK);
    const space = text.slice(slack, end).search(/\s\S*$/);
    end = boundaries.after(space === -1 ? end : slack + space);
  }
  return { start, end };
}

/** At most `MAX_FRAGMENTS` fragments: each term's first match goes before any second one. */
function chooseFragments(text: string, found: readonly Range[][], boundaries: Boundaries): Range[] {
  if (text.length <= WHOLE_LENGTH) return [{ start: 0, end: text.length }];
  const firsts = found.flatMap((ranges) => ranges.slice(0, 1));
  const rest = found.flatMap((ranges) => ranges.slice(1)).sort((a, b) => a.start - b.start);
  const chosen: Range[] = [];
  for (const match of [...firsts, ...rest]) {
    if (chosen.length === MAX_FRAGMENTS) break;
    if (chosen.some(({ start, end }) => start <= match.start && match.end <= end)) continue;
    chosen.push(fragmentAround(text, match, boundaries));
  }
  return chosen.length > 0 ? merge(chosen) : [fragmentAround(text, { start: 0, end: 0 }, boundaries)];
}

/**
 * Pieces of a body as HTML: escaped, matches in `<mark>`, `…` where text was cut off; a short body is one piece, whole.
 * Terms are folded ones, as `queryTerms` makes them.
 */
export function highlight(body: string, terms: readonly string[]): string[] {
  const text = body.toWellFormed();
  const found = occurrences(text, terms);
  const boundaries = createBoundaries(text);
  const matches = merge(found.flat());
  return chooseFragments(text, found, boundaries).map((fragment) => {
    const marks = matches
      .filter(({ start, end }) => start < fragment.end && end > fragment.start)
      .map(({ start, end }) => ({
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
