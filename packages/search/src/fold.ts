// A cluster is a base character with its marks. Two kinds of characters are treated as marks although Unicode does not
// define them as such: the half-width (han)dakuten, and the jamo of a decomposed Hangul syllable. ASCII characters and
// ideographs without marks are left out, because each of them folds to a single character by itself. Normalization
// sorts the marks of a base in quadratic time (30,000 marks take 250 ms). A cluster therefore ends after 30 marks, as
// in Unicode's stream-safe format (UAX #15). Further marks form clusters without a base.
const clusterPattern =
  /(?:[\u1100-\u115F\uA960-\uA97C]+|[\uAC00-\uD7A3])[\u1160-\u11A7\uD7B0-\uD7C6]*[\u11A8-\u11FF\uD7CB-\uD7FB]*\p{M}{0,30}|[^\p{M}\0-\x7F\u3400-\u4DBF\u4E00-\u9FFF][\p{M}\uFF9E\uFF9F]{0,30}|[\0-\x7F\u3400-\u4DBF\u4E00-\u9FFF]?\p{M}{1,30}/gu;
// Characters that folding removes: accents, Hebrew points, Arabic harakat and tatweel, and invisible characters. Vowel
// signs of Indic and Thai scripts are kept.
const stripped =
  /[\u0300-\u036F]|[\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7]|\u0640|[\u064B-\u065F\u0670]|[\u00AD\u200B\u200E\u200F\u2060\uFE0E\uFE0F\uFEFF]/gu;
const undecomposed: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  ł: "l",
  đ: "d",
  ð: "d",
  þ: "th",
  ħ: "h",
  ŧ: "t",
  ŋ: "n",
  ĸ: "k",
  ı: "i",
  ς: "σ",
  // Phones insert these quotation marks instead of the straight ones on a keyboard.
  "‘": "'",
  "’": "'",
  "“": '"',
  "”": '"',
};
const mapped = new RegExp(`[${Object.keys(undecomposed).join("")}]`, "gu");
const ascii = /^[\0-\x7F]*$/;
// Maximum number of clusters whose folding is cached. Texts repeat a few clusters many times, and a lookup is ten times
// faster than folding.
const maxRemembered = 50_000;
const maxRememberedLength = 8;
const remembered = new Map<string, string>();

/** Returns true if the text is ASCII. In this case, each character folds to a single character by itself. */
export function isAscii(text: string): boolean {
  return ascii.test(text);
}

function foldCluster(cluster: string): string {
  const known = remembered.get(cluster);
  if (known !== undefined) return known;
  const folded = computeFolding(cluster);
  if (cluster.length > maxRememberedLength) return folded;
  if (remembered.size === maxRemembered) remembered.clear();
  remembered.set(cluster, folded);
  return folded;
}

function computeFolding(cluster: string): string {
  const decomposed = cluster.normalize("NFKD");
  // NFKD decomposes "¨" to a space with a mark. If "¨" were folded to a space, a query for it would be empty.
  const spacing = decomposed.startsWith(" ") && !/^\p{White_Space}/u.test(cluster);
  return (spacing ? cluster : decomposed)
    .toLowerCase()
    .replace(stripped, "")
    .replace(mapped, (letter) => undecomposed[letter] ?? letter)
    .normalize("NFC");
}

/** Folds a text for comparison: removes case, accents, points and width. Indexed texts and queries are folded alike. */
export function fold(text: string): string {
  if (isAscii(text)) return text.toLowerCase();
  // Outside the clusters there are only ASCII characters and ideographs, so lower case does not depend on context
  // (final sigma, Turkish dot).
  return text.toWellFormed().replace(clusterPattern, foldCluster).toLowerCase();
}

/** A folded text, with a mapping from its UTF-16 units to the original text. */
export interface FoldedText {
  readonly folded: string;
  /**
   * Returns the start of a folded unit's source: its character, or its cluster if several characters were folded
   * together.
   */
  readonly startOf: (unit: number) => number;
  /** Returns the end (exclusive) of a folded unit's source. */
  readonly endOf: (unit: number) => number;
  /** Returns the first folded unit whose source ends after a position in the original text. */
  readonly unitAfter: (position: number) => number;
}

/** Folds like `fold`, but with offsets into the original text. The text must be well-formed. */
export function foldWithOffsets(text: string): FoldedText {
  // Starts and ends of the clusters in the text and in the folded text. The text between two clusters keeps its length.
  const [starts, ends, foldedStarts, foldedEnds]: [number[], number[], number[], number[]] = [[], [], [], []];
  let shift = 0;
  const folded = isAscii(text)
    ? text.toLowerCase()
    : text
        .replace(clusterPattern, (cluster, at: number) => {
          const piece = foldCluster(cluster);
          starts.push(at);
          ends.push(at + cluster.length);
          foldedStarts.push(at + shift);
          shift += piece.length - cluster.length;
          foldedEnds.push(at + cluster.length + shift);
          return piece;
        })
        .toLowerCase();

  /** Returns the index of the last cluster that begins at or before a folded unit, or -1. */
  const clusterAt = (unit: number): number => upperBound(foldedStarts, unit) - 1;
  return {
    folded,
    startOf(unit) {
      const cluster = clusterAt(unit);
      const after = unit - (foldedEnds[cluster] ?? 0);
      return after < 0 ? (starts[cluster] ?? 0) : (ends[cluster] ?? 0) + after;
    },
    endOf(unit) {
      const cluster = clusterAt(unit);
      const after = unit - (foldedEnds[cluster] ?? 0);
      return after < 0 ? (ends[cluster] ?? 0) : (ends[cluster] ?? 0) + after + 1;
    },
    unitAfter(position) {
      const cluster = upperBound(starts, position) - 1;
      const after = position - (ends[cluster] ?? 0);
      return after < 0 ? (foldedStarts[cluster] ?? 0) : (foldedEnds[cluster] ?? 0) + after;
    },
  };
}

/** Returns the number of values that are at most `value`. The values must be in ascending order. */
function upperBound(values: readonly number[], value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
