import { hostileTexts, longestBlock } from "@confab/testkit";
import { expect } from "chai";
import fc from "fast-check";
import { fold } from "./fold.ts";
import { queryTerms } from "./query.ts";
import { insideWords, markWords, rankingOf, rankOf } from "./words.ts";

const rankFor = (q: string, body: string): number => rankOf(markWords(fold(body)), rankingOf(queryTerms(q)));

describe("marking words", () => {
  it("uses a character that no folded text has", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(fold(text)).not.to.include("\u200B");
        expect(markWords(fold(text)).replaceAll("\u200B", "")).to.equal(fold(text));
      }),
    );
    expect(fold("a\u200Bb")).to.equal("ab");
  });

  it("keeps every part of a text findable, and finds no other", () => {
    const texts = fc.string({ unit: fc.constantFrom(...Array.from("ab1 .-+'\u0301京กé😀ー")), maxLength: 12 });
    fc.assert(
      fc.property(texts, texts, fc.nat(12), fc.nat(12), (text, other, from, to) => {
        const [folded, part] = [fold(text), fold(text).slice(Math.min(from, to), Math.max(from, to)).toWellFormed()];
        for (const term of [part, fold(other)]) {
          expect(markWords(folded).includes(insideWords(term)), term).to.equal(folded.includes(term));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  for (const [name, text] of Object.entries(hostileTexts)) {
    it(`does not block other work for long with ${name}`, async () => {
      const folded = fold(text);
      expect(await longestBlock(() => Promise.resolve(markWords(folded)), 2)).to.be.below(50);
    });
  }
});

describe("the rank of a message", () => {
  for (const [q, ranked] of [
    ["fail", { fail: 2, "I fail, often": 2, "FAIL!": 2, failed: 1, "un-failed": 1, unfail: 0, "unfailing fail": 2 }],
    [
      "payment failed",
      {
        "The payment failed.": 3,
        "payment, failed": 2,
        "failed payment": 2,
        "payment failedness": 1,
        "repayment failed": 0,
        "repayment failedness": 0,
        "prepayment: payment failed": 3,
      },
    ],
    ['"payment failed"', { "payment failed": 2, "payment failedness": 1, "repayment failed": 0 }],
    ["don't", { "Don’t!": 2, "don'ts": 1, "adon't": 0 }],
    ["c++", { "c++": 2, "c++11": 2, "abc++": 0 }],
    ["#tag", { "a#tag": 2, "#tags": 1 }],
    ["北京", { 我们今天去北京大学: 2, 北京: 2 }],
    ["iphone 北京", { iphone北京: 2, "iphones 北京": 1, "iphone 北京": 3 }],
    ["สวัส", { สวัสดีครับ: 2 }],
    ["Straße", { "die STRASSE": 2, Straßenbahn: 1, Hauptstraße: 0 }],
    ["🎉", { "party🎉": 2 }],
  ] as const) {
    it(`is right for ${q}`, () => {
      for (const [body, rank] of Object.entries(ranked)) expect(rankFor(q, body), body).to.equal(rank);
    });
  }

  it("is 0 without words", () => {
    expect(rankOf(markWords("hello"), rankingOf([]))).to.equal(0);
  });
});
