// Folding removes this character (a zero width space), so a folded text contains it only where a word is marked.
const separator = "\u200B";
// Letters, digits and their marks, except those of scripts that do not separate words. In such scripts, every position
// counts as the end of a word.
const wordPattern =
  /[[\p{L}\p{M}\p{N}]--[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmr}\p{scx=Mymr}]]+/gv;

/**
 * Returns a folded text with a mark before and after each word. A mark depends only on the two characters around it.
 * Therefore a term occurs in a text if and only if `insideWords(term)` occurs in the marked text.
 */
export function markWords(folded: string): string {
  return folded.replace(wordPattern, `${separator}$&${separator}`);
}

/**
 * Maximum number of characters of a term that Elasticsearch compares by position. Each further character would cost as
 * much as the first, for each occurrence of its grams.
 */
const maxCompared = 32;

/** Returns whether an index compares only the beginning of a term, so that its hits must be compared again. */
export function isCut(term: string): boolean {
  return comparedPart(term) !== term;
}

/** Returns the beginning of a text that an index compares. It ends with a whole character. */
export function comparedPart(text: string): string {
  return text.length <= maxCompared ? text : Array.from(text).slice(0, maxCompared).join("");
}

/** Returns the text that occurs in a marked text wherever the folded term occurs, even inside words. */
export function insideWords(term: string): string {
  const marked = beginningWords(term);
  return marked.startsWith(separator) ? marked.slice(1) : marked;
}

/** Returns the text that occurs in a marked text where the folded term begins a word. */
function beginningWords(term: string): string {
  const marked = markWords(term);
  return marked.endsWith(separator) ? marked.slice(0, -1) : marked;
}

/**
 * Returns the conditions that make a message relevant, each as the texts that its marked text must contain: the query's
 * terms begin words, are whole words, and are next to each other as in the query. Each condition includes the previous
 * one. Only the beginning of a long text counts.
 */
export function rankingOf(terms: readonly string[]): string[][] {
  if (terms.length === 0) return [];
  const ranking = [terms.map(beginningWords), terms.map(markWords)];
  const all = terms.length === 1 ? ranking : [...ranking, [markWords(terms.join(" "))]];
  return all.map((texts) => texts.map(comparedPart));
}

/** Returns how many conditions of a ranking a marked text meets. */
export function rankOf(marked: string, ranking: readonly string[][]): number {
  return ranking.filter((texts) => texts.every((text) => marked.includes(text))).length;
}
