import { expect } from "chai";
import fc from "fast-check";
import { fold, foldWithOffsets } from "./fold.ts";

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.constantFrom(...Array.from("aÉßİς कि가각각カﾞｶ\u0301\u0308\u200Bشَـ¨ﬁ")) }),
);

describe("fold", () => {
  const cases: [text: string, folded: string][] = [
    ["Hello, World! #42", "hello, world! #42"],
    ["Crème BRÛLÉE e\u0301", "creme brulee e"],
    ["Straße GROẞ", "strasse gross"],
    ["Æther œuvre Øl Łódź đ Þór ð", "aether oeuvre ol lodz d thor d"],
    ["İIıi", "iiii"],
    ["ΟΔΥΣΣΕΎΣ ὀδυσσεύς", "οδυσσευσ οδυσσευσ"],
    ["Ёлка Йод", "елка иод"],
    ["مُحَمَّدٌ مـحـمـد أإآ", "محمد محمد ااا"],
    ["שָׁלוֹם־עולם", "שלום־עולם"],
    ["कि की हिन्दी", "कि की हिन्दी"],
    ["ที่นี่", "ที่นี่"],
    ["ｶﾞ ガ カ\u3099 ＡＢＣ１２３", "ガ ガ ガ abc123"],
    ["각".normalize("NFD"), "각"],
    ["ﬁ ½ ™ ①", "fi 1⁄2 tm 1"],
    ["❤️ 👨‍👩‍👧 🇩🇪", "❤ 👨‍👩‍👧 🇩🇪"],
    ["\uFEFFin\u00ADvi\u200Bsible", "invisible"],
    ["¨ ´ ` ^", "¨ ´ ` ^"],
    ["don’t say “no”", 'don\'t say "no"'],
    ["lone \uD800 surrogate", "lone \uFFFD surrogate"],
  ];
  for (const [text, folded] of cases) {
    it(`folds ${JSON.stringify(text)} to ${JSON.stringify(folded)}`, () => {
      expect(fold(text)).to.equal(folded);
    });
  }

  it("folds composed and decomposed text alike", () => {
    for (const text of ["Crème brûlée", "Việt Nam", "한국어", "ガギグ", "Ὀδυσσεύς", "Йод", "क़लम"]) {
      expect(fold(text.normalize("NFD")), text).to.equal(fold(text.normalize("NFC")));
    }
  });

  it("maps each unit to its source", () => {
    fc.assert(
      fc.property(anyText, (any) => {
        const text = any.toWellFormed();
        const { folded, startOf, endOf, unitAfter } = foldWithOffsets(text);
        expect(folded).to.equal(fold(text));
        let [position, invisible] = [0, ""];
        for (let unit = 0; unit < folded.length;) {
          const [start, end] = [startOf(unit), endOf(unit)];
          expect(start).to.be.at.least(position);
          invisible += text.slice(position, start);
          let next = unit;
          while (next < folded.length && startOf(next) === start) next += 1;
          expect(fold(text.slice(start, end))).to.equal(folded.slice(unit, next));
          for (let at = start; at < end; at += 1) expect(unitAfter(at)).to.equal(unit);
          [unit, position] = [next, end];
        }
        expect(fold(invisible + text.slice(position))).to.equal("");
      }),
      { numRuns: 1000 },
    );
  });

  it("folds marks that Unicode would sort as fast as others", () => {
    const timeOf = (marks: string): number => {
      const times = Array.from({ length: 5 }, () => {
        const began = performance.now();
        fold(`a${marks.repeat(16_000)}`);
        return performance.now() - began;
      });
      return Math.min(...times);
    };
    // With an insertion sort, folding would take several hundred times as long.
    expect(timeOf("\u0316\u0301")).to.be.below(10 * timeOf("\u0301\u0301") + 10);
  });

  it("folds only white space, and letters that contain it, to white space", () => {
    for (let code = 0; code <= 0x10ffff; code++) {
      const letter = String.fromCodePoint(code);
      if (fold(letter).trim() !== "" || /^[\p{White_Space}\p{M}]$/u.test(letter)) continue;
      expect(letter.normalize("NFKD"), `U+${code.toString(16)}`).to.match(/^[\p{M}\p{Cf}\u0640]+$/u);
    }
  });
});
