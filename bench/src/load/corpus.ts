const syllables = Array.from("bdfgklmnprst").flatMap((consonant) => Array.from("aeiou", (vowel) => consonant + vowel));
const wordCount = 4_096;
const wordsPerText = 13;
const words = Array.from({ length: wordCount }, (_, rank) => makeWord(rank));

/** Returns the three-syllable word of this rank. Rank 0 is the most frequent word. */
export function wordOf(rank: number): string {
  return words[rank]!;
}

/**
 * Returns the text with index `at`. It is 90 bytes long and the same in every run. The frequency of a word falls
 * roughly as 1 ÷ (rank + 1), as in natural languages.
 */
export function textOf(at: number): string {
  const chosen = Array.from({ length: wordsPerText }, (_, place) => {
    const part = randomOf(at * wordsPerText + place);
    return words[Math.floor((wordCount + 1) ** part) - 1]!;
  });
  return chosen.join(" ");
}

function makeWord(rank: number): string {
  // The factor has no divisor in common with the number of possible words, so that all words are different.
  const code = (rank * 7_919) % syllables.length ** 3;
  const [first, rest] = [Math.floor(code / syllables.length ** 2), code % syllables.length ** 2];
  return syllables[first]! + syllables[Math.floor(rest / syllables.length)]! + syllables[rest % syllables.length]!;
}

/** Returns a pseudorandom number in [0, 1) that is always the same for a seed (the final step of Murmur). */
function randomOf(seed: number): number {
  let hash = Math.imul(seed ^ (seed >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/**
 * The position of a text that matches a query. The index of the text determines the position, because the chats receive
 * the texts in turn.
 */
export interface Hit {
  readonly chat: number;
  readonly number: number;
}

/** Finds the newest texts that contain all words of a query, at most `limit` per query, in one chat or in all. */
export function hitsOf(
  queries: readonly string[],
  { count, chats, limit, chat }: { count: number; chats: number; limit: number; chat?: number | undefined },
  text = textOf,
): Hit[][] {
  const searches = queries.map((query) => ({ words: query.split(" "), hits: [] as Hit[] }));
  for (let at = count - 1; at >= 0 && searches.some(({ hits }) => hits.length < limit); at -= 1) {
    const position = { chat: 1 + (at % chats), number: 1 + Math.floor(at / chats) };
    if (chat !== undefined && position.chat !== chat) continue;
    const body = text(at);
    for (const { words, hits } of searches)
      if (hits.length < limit && words.every((word) => body.includes(word))) hits.push(position);
  }
  return searches.map(({ hits }) => hits);
}
