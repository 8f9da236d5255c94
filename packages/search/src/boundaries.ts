/** The positions in a text at which a visible character begins or ends. */
export interface Boundaries {
  /** The nearest boundary at or before a position. */
  before(position: number): number;
  /** The nearest boundary at or after a position. */
  after(position: number): number;
}

/**
 * A longer character, in UTF-16 units, may be cut. The longest one that people write, a family with skin tones, has 28.
 */
const longestCharacter = 128;
const windowLength = 512;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * Finds boundaries only near the requested positions. Segmenting a whole text takes time, and a single character can be
 * as long as the text.
 */
export function createBoundaries(text: string): Boundaries {
  const windows = new Map<number, readonly number[]>();

  /** Returns the boundaries around a position, at least those within `LONGEST_CHARACTER` units on both sides. */
  function near(position: number): readonly number[] {
    const index = Math.floor(position / windowLength);
    let window = windows.get(index);
    if (window === undefined) {
      window = boundariesBetween(
        text,
        index * windowLength - longestCharacter,
        (index + 1) * windowLength + longestCharacter,
      );
      windows.set(index, window);
    }
    return window;
  }

  return {
    before: (position) => near(position).findLast((boundary) => boundary <= position) ?? position,
    after: (position) => near(position).find((boundary) => boundary >= position) ?? position,
  };
}

function boundariesBetween(text: string, from: number, to: number): number[] {
  // Segmentation that starts anywhere is correct from the next character on, unless it starts in the middle of a flag.
  const start = startOfFlag(text, Math.max(0, from - longestCharacter));
  const end = Math.min(text.length, to + longestCharacter);
  const found: number[] = [];
  for (const { index } of graphemes.segment(text.slice(start, end))) {
    // Unicode treats some vowel signs as separate characters, but readers do not.
    if (!isMark(text, start + index)) found.push(start + index);
  }
  if (end === text.length) found.push(end);
  return found;
}

function isMark(text: string, position: number): boolean {
  return /^\p{M}/u.test(text.slice(position, position + 2));
}

/**
 * Returns the position moved back out of a surrogate pair or a flag. The letters of flags can only be paired from the
 * first one on.
 */
function startOfFlag(text: string, position: number): number {
  const code = text.charCodeAt(position);
  const start = code >= 0xdc00 && code <= 0xdfff ? position - 1 : position;
  if (!isFlagLetter(text, start)) return start;
  let first = start;
  while (isFlagLetter(text, first - 2)) first -= 2;
  return (start - first) % 4 === 0 ? start : start - 2;
}

function isFlagLetter(text: string, position: number): boolean {
  if (text.charCodeAt(position) !== 0xd83c) return false;
  const low = text.charCodeAt(position + 1);
  return low >= 0xdde6 && low <= 0xddff;
}
