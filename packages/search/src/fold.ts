/** A piece of text that is folded as one, and marked as one. */
export interface Cluster {
  source: string;
  folded: string;
}

// A cluster is a base with its marks. Two neighbours count as marks though Unicode does not call them so: the half-width
// (han)dakuten, and the jamo of a Hangul syllable that was decomposed. ASCII without marks is left out: it folds alone.
const CLUSTER =
  /(?:[\u1100-\u115F\uA960-\uA97C]+|[\uAC00-\uD7A3])[\u1160-\u11A7\uD7B0-\uD7C6]*[\u11A8-\u11FF\uD7CB-\uD7FB]*\p{M}*|[^\p{M}\0-\x7F][\p{M}\uFF9E\uFF9F]*|[\0-\x7F]?\p{M}+/gu;
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
const MAX_REMEMBERED = 10_000;
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
  // What the clusters leave is ASCII, so lower case has no context (a final sigma, a Turkish dot) to look at.
  return text.toWellFormed().replace(CLUSTER, foldCluster).toLowerCase();
}

/** The clusters of a text in order; their sources joined are the text, their foldings joined are `fold` of it. */
export function* clusters(text: string): Generator<Cluster> {
  let done = 0;
  for (const match of text.toWellFormed().matchAll(CLUSTER)) {
    for (const letter of text.slice(done, match.index)) yield { source: letter, folded: letter.toLowerCase() };
    yield { source: match[0], folded: foldCluster(match[0]) };
    done = match.index + match[0].length;
  }
  for (const letter of text.slice(done)) yield { source: letter, folded: letter.toLowerCase() };
}
