import { expect } from "chai";
import { isPage, textOf } from "./pages.ts";

describe("the check of a page", () => {
  const pageFrom = (first: number, step: number) =>
    Array.from({ length: 50 }, (_, at) => ({ number: first + step * at, body: textOf(first + step * at - 1) }));

  it("accepts the 50 messages from a number on, up or down", () => {
    expect(isPage(251, 1)(pageFrom(251, 1))).to.equal(true);
    expect(isPage(1_000, -1)(pageFrom(1_000, -1))).to.equal(true);
  });

  it("refuses other numbers, another order, other texts, and a shorter page", () => {
    const page = pageFrom(251, 1);
    const wrong = [pageFrom(252, 1), page.toReversed(), page.with(7, { number: 258, body: "x" }), page.slice(1), []];
    expect(wrong.map(isPage(251, 1))).to.deep.equal(wrong.map(() => false));
  });
});
