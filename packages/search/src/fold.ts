// A cluster is a base with its marks. Two neighbours count as marks though Unicode does not call them so: the half-width
// (han)dakuten, and the jamo of a Hangul syllable that was decomposed. ASCII and ideographs without marks are left out: they
// fold alone, one to one.
// Normalization sorts the marks of a base in quadratic time (30,000 take a quarter of a second), so that a cluster ends
// after 30 of them, as in Unicode's stream-safe format (UAX #15); the others are clusters without a base.
const CLUSTER =
  /(?:[\u1100-\u115F\uA960-\uA97C]+|[\uAC00-\uD7A3])[\u1160-\u11A7\uD7B0-\uD7C6]*[\u11A8-\u11FF\uD7CB-\uD7FB]*\p{M}{0,30}|[^\p{M}\0-\x7F\u3400-\u4DBF\u4E00-\u9FFF][\p{M}\uFF9E\uFF9F]{0,30}|[\0-\x7F\u3400-\u4DBF\u4E00-\u9FFF]?\p{M}{1,30}/gu;
// Accents, Hebrew points, Arabic harakat and tatweel, and what is invisible; never a vowel sign of an Indic or Thai script.
const STRIPPED =
  /[\u0300-\u036F]|[\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7]|\u0640|[\u064B-\u065F\u0670]|[\u00AD\u200B\u200E\u200F\u2060\uFE0E\uFE0F\uFEFF]/gu;
const UNDECOMPOSED: Readonly<Record<string, string>> = {
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
  // Phones write these where a keyboard has the straight ones.
  "‘": "'",
  "’": "'",
  "“": '"',
  "”": '"',
};
const MAPPED = new RegExp(`[${Object.keys(UNDECOMPOSED).join("")}]`, "gu");
const ASCII = /^[\0-\x7F]*$/;
// A text repeats few clusters many times, and looking one up is ten times faster than folding it.
const MAX_REMEMBERED = 50_000;
const MAX_REMEMBERED_LENGTH = 8;
const remembered = new Map<string, string>();

/** Whether each character folds alone, to one character. */
export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

function foldCluster(cluster: string): string {
  const known = remembered.get(cluster);
  if (known !== undefined) return known;
  const folded = computeFolding(cluster);
  if (cluster.length > MAX_REMEMBERED_LENGTH) return folded;
  if (remembered.size === MAX_REMEMBERED) remembered.clear();
  remembered.set(cluster, folded);
  return folded;
}

function computeFolding(cluster: string): string {
  const decomposed = cluster.normalize("NFKD");
  // "¨" is a space with a mark to NFKD; folding it to a space would make a query of it empty.
  const spacing = decomposed.startsWith(" ") && !/^\p{White_Space}/u.test(cluster);
  return (spacing ? cluster : decomposed)
    .toLowerCase()
    .replace(STRIPPED, "")
    .replace(MAPPED, (letter) => UNDECOMPOSED[letter] ?? letter)
    .normalize("NFC");
}

/** Text as it is compared, for what is indexed and what is asked alike: without case, accents, points and width. */
export function fold(text: string): string {
  if (isAscii(text)) return text.toLowerCase();
  // What the clusters leave is ASCII and ideographs, so lower case has no context (a final sigma, a Turkish dot) to look at.
  return text.toWellFormed().replace(CLUSTER, foldCluster).toLowerCase();
}

/** A folded text that knows where each of its UTF-16 units came from. */
export interface FoldedText {
  folded: string;
  /** Where the source of a folded unit begins: its character's, or its cluster's where several were folded as one. */
  startOf: (unit: number) => number;
  /** Where the source of a folded unit ends, excluded. */
  endOf: (unit: number) => number;
  /** The first folded unit whose source ends after a place of the text. */
  unitAfter: (place: number) => number;
}

/** `fold` with the way back; the text must be well-formed. */
export function foldWithOffsets(text: string): FoldedText {
  // Ends of the clusters in the text and in what it is folded to; what lies between two of them keeps its length.
  const [starts, ends, foldedStarts, foldedEnds]: [number[], number[], number[], number[]] = [[], [], [], []];
  let shift = 0;
  const folded = isAscii(text)
    ? text.toLowerCase()
    : text
        .replace(CLUSTER, (cluster, at: number) => {
          const piece = foldCluster(cluster);
          starts.push(at);
          ends.push(at + cluster.length);
          foldedStarts.push(at + shift);
          shift += piece.length - cluster.length;
          foldedEnds.push(at + cluster.length + shift);
          return piece;
        })
        .toLowerCase();

  /** The last cluster that begins at or before a folded unit, -1 where there is none. */
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
    unitAfter(place) {
      const cluster = upperBound(starts, place) - 1;
      const after = place - (ends[cluster] ?? 0);
      return after < 0 ? (foldedStarts[cluster] ?? 0) : (foldedEnds[cluster] ?? 0) + after;
    },
  };
}

/** How many values, which never fall, are at most `value`. */
function upperBound(values: readonly number[], value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
