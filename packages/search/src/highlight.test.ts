import { expect } from "chai";
import fc from "fast-check";
import { fold } from "./fold.ts";
import { highlight } from "./highlight.ts";
import { queryTerms } from "./query.ts";

const highlighted = (body: string, q: string) => highlight(body, queryTerms(q));
const unescape = (html: string) =>
  html
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");

describe("highlight", () => {
  const cases: [body: string, q: string, html: string][] = [
    ["Hello World", "ell", "H<mark>ell</mark>o World"],
    ["Hello World hello", "hello", "<mark>Hello</mark> World <mark>hello</mark>"],
    ["Hello World", "wor hel", "<mark>Hel</mark>lo <mark>Wor</mark>ld"],
    ["banana", "ana", "b<mark>anana</mark>"],
    ["hello", "hel lo", "<mark>hello</mark>"],
    ["Crème brûlée", "creme E", "<mark>Crème</mark> brûl<mark>ée</mark>"],
    ["Die Straße", "as", "Die Str<mark>aß</mark>e"],
    ["Die Straße", "strasse", "Die <mark>Straße</mark>"],
    ["ﬁn", "f", "<mark>ﬁ</mark>n"],
    ["مُحَمَّدٌ", "محمد", "<mark>مُحَمَّدٌ</mark>"],
    ["हिन्दी", "ह", "<mark>हि</mark>न्दी"],
    ["family 👨‍👩‍👧!", "👩", "family <mark>👨‍👩‍👧</mark>!"],
    ["👍🏽👍", "👍", "<mark>👍🏽👍</mark>"],
    ["🇩🇪🇫🇷", "🇫🇷", "🇩🇪<mark>🇫🇷</mark>"],
    ["각".normalize("NFD"), "각", `<mark>${"각".normalize("NFD")}</mark>`],
    [
      `<b>"Tom" & 'Jerry'</b>`,
      "b> &",
      "&lt;<mark>b&gt;</mark>&quot;Tom&quot; <mark>&amp;</mark> &#39;Jerry&#39;&lt;/<mark>b&gt;</mark>",
    ],
    ["&lt;mark&gt;", "lt", "&amp;<mark>lt</mark>;mark&amp;gt;"],
    ["one\r\ntwo", "o", "<mark>o</mark>ne\r\ntw<mark>o</mark>"],
  ];
  for (const [body, q, html] of cases) {
    it(`marks ${JSON.stringify(q)} in ${JSON.stringify(body)}`, () => {
      expect(highlighted(body, q)).to.deep.equal([html]);
    });
  }

  it("cuts a long body into fragments of whole words around the matches", () => {
    const filler = "lorem ipsum dolor sit amet ".repeat(40);
    const fragments = highlighted(`${filler}NEEDLE ${filler}pin ${filler}`, "pin needle");
    expect(fragments).to.have.lengthOf(2);
    for (const [at, word] of ["NEEDLE", "pin"].entries()) {
      expect(fragments[at]).to.match(new RegExp(`^…(?:\\w+ )+<mark>${word}</mark>(?: \\w+)+…$`));
      expect(fragments[at]?.length).to.be.within(120, 180);
    }
  });

  it("shows at most three fragments, and each word once before any word twice", () => {
    const filler = " .".repeat(200);
    const fragments = highlighted(`one${filler}`.repeat(10) + `two${filler}`, "one two");
    expect(fragments).to.have.lengthOf(3);
    expect(fragments[0]).to.match(/^<mark>one<\/mark>[ .]+…$/);
    expect(fragments[1]).to.match(/^…[ .]+<mark>one<\/mark>[ .]+…$/);
    expect(fragments[2]).to.match(/^…[ .]+<mark>two<\/mark>[ .]+…$/);
  });

  it("never cuts a flag in two, even in a row of many flags", () => {
    for (const before of ["", "x", "🇪"]) {
      const flags = "🇩🇪".repeat(1_500);
      const fragments = highlighted(`${before}${flags} needle ${flags}`, "needle");
      expect(fragments.join("")).to.match(/^…(🇩🇪|🇪🇩)+🇪? <mark>needle<\/mark> (🇩🇪)+…$/u);
      expect(fragments[0]?.startsWith(before === "🇪" ? "…🇪🇩" : "…🇩🇪")).to.equal(true);
    }
  });

  it("shows the beginning of a word that invisible characters extend over the whole body", () => {
    const [fragment = "", ...others] = highlighted(`a${"\u200b".repeat(20_000)}b`, "ab");
    expect(others).to.deep.equal([]);
    expect(fragment).to.match(/^<mark>a\u200b+<\/mark>\u200b*…$/);
    expect(fragment.length).to.be.below(1_000);
  });

  it("highlights the longest bodies in a fraction of a second", () => {
    const started = performance.now();
    for (const body of ["a".repeat(65_535), "é".repeat(32_767), "👩‍👩‍👧‍👧".repeat(2_621), `a${"\u0301".repeat(32_000)}`]) {
      expect(highlighted(body, "a e 👧 👩").length).to.be.within(1, 3);
    }
    expect(performance.now() - started).to.be.below(15_000);
  });

  it("loses, adds and splits no character, and marks only matches", () => {
    const words = fc.constantFrom(
      "é",
      "e\u0301",
      "ß",
      "👨‍👩‍👧",
      "🇩🇪",
      "हि",
      "<&",
      " ",
      "ab",
      "각".normalize("NFD"),
      "ﾊﾞ",
      "က\u102B",
    );
    const bodies = fc.array(words, { minLength: 1, maxLength: 300 }).map((list) => list.join(""));
    const queries = fc.array(words, { minLength: 1, maxLength: 3 }).map((list) => list.join(""));
    const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
    fc.assert(
      fc.property(bodies, queries, (body, q) => {
        const terms = queryTerms(q).filter((term) => fold(body).includes(term));
        const graphemes = Array.from(segmenter.segment(body), ({ index }) => index).concat(body.length);
        const fragments = highlight(body, terms);
        expect(fragments.length).to.be.within(1, 3);
        let from = 0;
        for (const html of fragments) {
          const parts = html
            .replace(/^…|…$/g, "")
            .split(/<\/?mark>/)
            .map(unescape);
          const plain = parts.join("");
          const start = body.indexOf(plain, from);
          expect(start).to.be.at.least(0);
          expect(html.startsWith("…") || start === 0, "an ellipsis if the start was cut off").to.equal(true);
          let at = body.indexOf(plain, from);
          for (const [index, part] of parts.entries()) {
            expect(graphemes).to.include(at);
            if (index % 2 === 1) expect(terms.some((term) => fold(part).includes(term))).to.equal(true);
            at += part.length;
          }
          if (terms.length > 0) expect(html).to.contain("<mark>");
          from = start;
        }
        if (body.length <= 320) expect(unescape(fragments.join("").replace(/<\/?mark>/g, ""))).to.equal(body);
      }),
      { numRuns: 300 },
    );
  });
});
