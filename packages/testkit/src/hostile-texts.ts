const maxBytes = 65_535;

/** Repeats a text until the maximum length of a body is reached. */
function fill(text: string, first = ""): string {
  return first + text.repeat(Math.floor((maxBytes - Buffer.byteLength(first)) / Buffer.byteLength(text)));
}

/** Bodies of maximum length, each designed to be expensive to fold, segment, highlight or escape. */
export const hostileTexts: Readonly<Record<string, string>> = {
  "one emoji joined to itself": fill("👨\u200d"),
  "signs that join what follows": fill("\u0600"),
  flags: fill("🇩🇪"),
  "half flags after a letter": fill("🇦", "a"),
  families: fill("👨‍👩‍👧‍👦"),
  "ordinary text": fill("Hello wörld <b>&amp; "),
  "a letter with one mark again and again": fill("\u0301", "a"),
  "a letter with marks in the wrong order": fill("\u0316\u0301", "a"),
  "marks of all classes": fill("\u0f71\u0f72\u0345\u0301\u0316"),
  "one long word": fill("x"),
  "one long word with accents": fill("é"),
  "leading jamo": fill("\u1100"),
  "vowel jamo": fill("\u1161", "\u1100"),
  "all characters": Array.from({ length: 21_800 }, (_, index) => String.fromCharCode(0x0800 + 2 * index)).join(""),
  "ligatures of eighteen letters": fill("\ufdfa"),
  "half-width voice marks": fill("\uff9e", "カ"),
  "Indic clusters": fill("क्"),
  "a flag of tags": fill("\u{e0067}", "🏴"),
  "an invisible word": fill("\u200b", "a") + "b",
  "controls, six times as long in JSON": fill("\u0001", "e "),
  "signs to be escaped": fill("<\"&'>"),
  "almost the word": fill("a").slice(1) + "b",
};

/** Queries that match many of the hostile texts, match a text in many ways, or almost match one. */
export const hostileQueries: readonly string[] = [
  "e",
  "a b c d e f g h i j k l m n o p",
  "👨",
  "\u0600",
  "🇩🇪",
  "\ufdfa",
  "ab",
  "x".repeat(256),
  "é".repeat(200),
  `${"a".repeat(255)}b`,
  `${"a".repeat(60)}b ${"a".repeat(60)}c ${"a".repeat(60)}d ${"a".repeat(60)}e`,
];
