import { expect } from "chai";
import fc from "fast-check";
import { fold } from "./fold.ts";
import { highlight } from "./highlight.ts";
import { matches, queryTerms } from "./query.ts";

// Kinds of text that are known to break highlighters: marks and entities as text, text that folds to more, fewer or no
// letters, clusters of many code points, halves of surrogate pairs, and overlapping words.
const pieces = [
  "<mark>",
  "</mark>",
  "<",
  ">",
  "&",
  "&amp;",
  "&lt;mark&gt;",
  '"',
  "'",
  "<script>",
  "…",
  "a",
  "A",
  "ana",
  "banana ",
  "hello ",
  " ",
  "\n",
  "\u0000",
  "İ",
  "ß",
  "ﬃ",
  "é",
  "e\u0301",
  "Å",
  "ǰ",
  "ΐ",
  "\u200d",
  "\ufe0f",
  "\u00ad",
  "\u0600",
  "\u0301",
  "👨\u200d👩\u200d👧",
  "👍🏽",
  "🇩🇪",
  "🇫",
  "हि",
  "각".normalize("NFD"),
  "\ud800",
  "\udc00",
  "漢字",
  "ﷺ",
  "١٢",
  "½",
  "K",
  "lorem ipsum dolor ",
  "x".repeat(400),
  "\u0301".repeat(400),
];
const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...pieces) },
  fc.string({ unit: "binary", maxLength: 8 }),
);
const text = (maxLength: number) => fc.array(piece, { minLength: 1, maxLength }).map((parts) => parts.join(""));
const query = fc.oneof(
  text(4),
  fc.constantFrom("a", "e", "mark", "<mark>", "lt", "amp", "ss", "ffi", "👩", "x x x", "\u0301"),
);

/** Generates a body and a query that is often a part of the body. */
const search = fc
  .tuple(text(60), query, fc.nat(), fc.integer({ min: 1, max: 30 }), fc.boolean())
  .map(([body, q, at, length, isPart]) => {
    const start = at % body.length;
    return { body, q: isPart ? body.slice(start, start + length) : q };
  });

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };
const plain = (html: string) =>
  html.replaceAll(/<\/?mark>/g, "").replaceAll(/&([^;]*);/g, (whole, name: string) => entities[name] ?? whole);

const check = (property: (fragments: string[], body: string, terms: string[]) => void) => {
  fc.assert(
    fc.property(search, ({ body, q }) => {
      const terms = queryTerms(q);
      property(highlight(body, terms), body, terms);
    }),
    { numRuns: 2_000 },
  );
};

describe("highlights of any text", function () {
  this.timeout(60_000);

  it("are HTML with only text and marks, which are never nested or empty", () => {
    check((fragments) => {
      for (const fragment of fragments) {
        expect(fragment).to.match(
          /^([^<>&"']|&(amp|lt|gt|quot|#39);|<mark>([^<>&"']|&(amp|lt|gt|quot|#39);)+<\/mark>)*$/,
        );
      }
    });
  });

  it("are fragments of the body if the marks are removed", () => {
    check((fragments, body) => {
      const original = body.toWellFormed();
      for (const fragment of fragments) {
        const shown = plain(fragment);
        // The body itself may contain an ellipsis where it is cut.
        const candidates = [shown, shown.slice(1), shown.slice(0, -1), shown.slice(1, -1)];
        expect(candidates.some((candidate) => original.includes(candidate))).to.equal(true);
      }
    });
  });

  it("have a mark in every body that the search finds", () => {
    check((fragments, body, terms) => {
      if (terms.length === 0 || !matches(fold(body.toWellFormed()), terms)) return;
      expect(fragments.join("")).to.include("<mark>");
    });
  });

  it("are well-formed, at most three, and of limited length", () => {
    check((fragments) => {
      expect(fragments.length).to.be.within(1, 3);
      for (const fragment of fragments) expect(fragment.isWellFormed()).to.equal(true);
      // Escaping turns a letter into up to six, and each may have a mark around it.
      expect(fragments.join("").length).to.be.below(3 * 1_000 * 19);
    });
  });
});
