/** Positions in a text at which a visible character begins or ends. */
export interface Boundaries {
  /** Returns the nearest boundary at or before a position. */
  before(position: number): number;
  /** Returns the nearest boundary at or after a position. */
  after(position: number): number;
}

/**
 * Maximum length, in UTF-16 units, of a character that is never cut. The longest one that people write, a family with
 * skin tones, has 28.
 */
const longestCharacter = 128;
const windowLength = 512;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * Creates an object that finds boundaries only near the requested positions. Segmenting a whole text takes time, and a
 * single character can be as long as the text.
 */
export function createBoundaries(text: string): Boundaries {
  const windows = new Map<number, readonly number[]>();

  /**
   * Returns the boundaries around a position, including at least those within `longestCharacter` units on both sides.
   */
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
  // Segmentation may start anywhere except in the middle of a flag; it is correct from the next character on.
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
 * Moves a position back to the start of a surrogate pair or of a flag, which is a pair of flag letters. In a run of
 * flag letters, the pairs are counted from the first letter.
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
