import { expect } from "chai";
import { fold } from "./fold.ts";
import { matches, maxQueryLength, maxQueryTerms, queryProblem, queryTerms } from "./query.ts";

describe("queryTerms", () => {
  it("splits at Unicode white space, folds, and returns each word once", () => {
    expect(queryTerms(" Élan\u3000vital\u00A0ELAN\u2028x\n")).to.deep.equal(["elan", "vital", "x"]);
  });

  it("keeps every other character", () => {
    expect(queryTerms("a-b c* (d) ~2")).to.deep.equal(["a-b", "c*", "(d)", "~2"]);
  });

  it("takes double quotes around words as a phrase, straight or curly, and every other quote literally", () => {
    expect(queryTerms('"Payment  failed" x')).to.deep.equal(["payment  failed", "x"]);
    expect(queryTerms("x “payment failed”")).to.deep.equal(["x", "payment failed"]);
    expect(queryTerms('" a b " "a b" "a"')).to.deep.equal(["a b", "a"]);
    for (const literal of ['"', '""', 'a"b', '"a', 'a"', '5"', '"a"b', 'a"b c"']) {
      expect(queryTerms(literal), literal).to.deep.equal(literal.split(" "));
    }
  });
});

describe("queryProblem", () => {
  it("accepts queries up to the maximum length in characters", () => {
    expect(queryProblem("🎉".repeat(maxQueryLength))).to.equal(undefined);
    expect(queryProblem("x".repeat(maxQueryLength + 1))).to.equal("must have at most 256 characters");
    expect(queryProblem("x".repeat(10_000_000))).to.equal("must have at most 256 characters");
  });

  it("accepts queries up to the maximum number of words and phrases", () => {
    const words = Array.from({ length: maxQueryTerms }, (_, at) => `w${at}`).join(" ");
    expect(queryProblem(words)).to.equal(undefined);
    expect(queryProblem(`${words} more`)).to.equal("must have at most 16 words and phrases");
    expect(queryProblem(`"${words} more" one two`)).to.equal(undefined);
  });

  it("refuses queries without a visible character", () => {
    for (const q of ["", "  ", "\n\u3000", "\u0301", "\u200B"]) {
      expect(queryProblem(q)).to.equal("must contain at least one visible character");
    }
  });
});

describe("matches", () => {
  it("requires every term as a substring", () => {
    expect(matches(fold("Hello World"), ["ell", "wor"])).to.equal(true);
    expect(matches(fold("Hello World"), ["ell", "help"])).to.equal(false);
  });
});
