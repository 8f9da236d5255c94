import { expect } from "chai";
import { fold } from "./fold.ts";
import { matches, MAX_QUERY_LENGTH, MAX_QUERY_TERMS, queryProblem, queryTerms } from "./query.ts";

describe("queryTerms", () => {
  it("splits at Unicode white space, folds, and returns each word once", () => {
    expect(queryTerms(" Élan\u3000vital\u00A0ELAN\u2028x\n")).to.deep.equal(["elan", "vital", "x"]);
  });

  it("keeps every other character", () => {
    expect(queryTerms('"a b" c*')).to.deep.equal(['"a', 'b"', "c*"]);
  });
});

describe("queryProblem", () => {
  it("accepts queries up to the maximum length in characters", () => {
    expect(queryProblem("🎉".repeat(MAX_QUERY_LENGTH))).to.equal(undefined);
    expect(queryProblem("x".repeat(MAX_QUERY_LENGTH + 1))).to.equal("must be at most 256 characters long");
    expect(queryProblem("x".repeat(10_000_000))).to.equal("must be at most 256 characters long");
  });

  it("accepts queries up to the maximum number of words", () => {
    const words = Array.from({ length: MAX_QUERY_TERMS }, (_, at) => `w${at}`).join(" ");
    expect(queryProblem(words)).to.equal(undefined);
    expect(queryProblem(`${words} more`)).to.equal("must be at most 16 words");
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
