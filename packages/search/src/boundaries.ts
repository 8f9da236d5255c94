/** Places of a text where a reader sees a character begin or end. */
export interface Boundaries {
  /** The nearest one at or before a place. */
  before(place: number): number;
  /** The nearest one at or after a place. */
  after(place: number): number;
}

/** A character of more UTF-16 units may be cut: the longest that people write, a family with skin tones, has 28. */
const LONGEST_CHARACTER = 128;
const WINDOW = 512;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * Boundaries that are looked for near the places that are asked for: to segment a whole text takes time, and one
 * character can be as long as the text.
 */
export function createBoundaries(text: string): Boundaries {
  const windows = new Map<number, readonly number[]>();

  /** The boundaries around a place, those of `LONGEST_CHARACTER` units on both sides of it among them. */
  function near(place: number): readonly number[] {
    const index = Math.floor(place / WINDOW);
    let window = windows.get(index);
    if (window === undefined) {
      window = boundariesBetween(text, index * WINDOW - LONGEST_CHARACTER, (index + 1) * WINDOW + LONGEST_CHARACTER);
      windows.set(index, window);
    }
    return window;
  }

  return {
    before: (place) => near(place).findLast((boundary) => boundary <= place) ?? place,
    after: (place) => near(place).find((boundary) => boundary >= place) ?? place,
  };
}

function boundariesBetween(text: string, from: number, to: number): number[] {
  // Segmentation started anywhere falls into step with the next character, once its start is no half of a flag.
  const start = startOfFlag(text, Math.max(0, from - LONGEST_CHARACTER));
  const end = Math.min(text.length, to + LONGEST_CHARACTER);
  const found: number[] = [];
  for (const { index } of graphemes.segment(text.slice(start, end))) {
    // Unicode lets some vowel signs stand alone; a reader does not.
    if (!isMark(text, start + index)) found.push(start + index);
  }
  if (end === text.length) found.push(end);
  return found;
}

function isMark(text: string, place: number): boolean {
  return /^\p{M}/u.test(text.slice(place, place + 2));
}

/** A place that is no second half of a surrogate pair, nor of a flag, whose letters can only be paired from the first on. */
function startOfFlag(text: string, place: number): number {
  const code = text.charCodeAt(place);
  const start = code >= 0xdc00 && code <= 0xdfff ? place - 1 : place;
  if (!isFlagLetter(text, start)) return start;
  let first = start;
  while (isFlagLetter(text, first - 2)) first -= 2;
  return (start - first) % 4 === 0 ? start : start - 2;
}

function isFlagLetter(text: string, place: number): boolean {
  if (text.charCodeAt(place) !== 0xd83c) return false;
  const low = text.charCodeAt(place + 1);
  return low >= 0xdde6 && low <= 0xddff;
}
