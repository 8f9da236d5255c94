import { expect } from "chai";
import { textOf } from "../load/corpus.ts";
import { areHits } from "./search.ts";

describe("the check of hits", () => {
  const expected = [
    { chat: 3, number: 2 },
    { chat: 1, number: 2 },
  ];
  // The messages went to ten chats in turn.
  const answer = [
    { chat_number: 3, number: 2, body: textOf(12) },
    { chat_number: 1, number: 2, body: textOf(10) },
  ] as const;

  it("accepts exactly the expected ones in their order", () => {
    expect(areHits(answer, expected)).to.equal(true);
    expect(areHits([], [])).to.equal(true);
  });

  it("refuses too few, too many, another order, and another text", () => {
    const [first, second] = answer;
    const wrong = [[first], [...answer, first], [second, first], [first, { ...second, body: textOf(11) }]];
    expect(wrong.map((hits) => areHits(hits, expected))).to.deep.equal(wrong.map(() => false));
  });
});
