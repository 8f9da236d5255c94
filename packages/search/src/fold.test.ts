import { expect } from "chai";
import fc from "fast-check";
import { clusters, fold } from "./fold.ts";

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
    it(`makes ${JSON.stringify(folded)} of ${JSON.stringify(text)}`, () => {
      expect(fold(text)).to.equal(folded);
    });
  }

  it("treats composed and decomposed text alike", () => {
    for (const text of ["Crème brûlée", "Việt Nam", "한국어", "ガギグ", "Ὀδυσσεύς", "Йод", "क़लम"]) {
      expect(fold(text.normalize("NFD")), text).to.equal(fold(text.normalize("NFC")));
    }
  });

  it("is what its clusters fold to, and the clusters are the text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const pieces = [...clusters(text)];
        expect(pieces.map(({ source }) => source).join("")).to.equal(text.toWellFormed());
        expect(pieces.map(({ folded }) => folded).join("")).to.equal(fold(text));
      }),
      { numRuns: 1000 },
    );
  });

  it("makes white space of nothing but white space and letters that hold some", () => {
    for (let code = 0; code <= 0x10ffff; code++) {
      const letter = String.fromCodePoint(code);
      if (fold(letter).trim() !== "" || /^[\p{White_Space}\p{M}]$/u.test(letter)) continue;
      expect(letter.normalize("NFKD"), `U+${code.toString(16)}`).to.match(/^[\p{M}\p{Cf}\u0640]+$/u);
    }
  });
});
