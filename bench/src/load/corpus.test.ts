import { expect } from "chai";
import { hitsOf, textOf, wordOf } from "./corpus.ts";

describe("the texts for searches", () => {
  it("are always the same, of 90 bytes, with words that are unequally frequent", () => {
    const texts = Array.from({ length: 2_000 }, (_, at) => textOf(at));
    expect(texts).to.deep.equal(Array.from({ length: 2_000 }, (_, at) => textOf(at)));
    expect(new Set(texts).size).to.be.greaterThan(1_990);
    expect(new Set(texts.map(({ length }) => length))).to.deep.equal(new Set([90]));
    const partWith = (word: string) => texts.filter((text) => text.includes(word)).length / texts.length;
    expect(partWith(wordOf(0))).to.be.within(0.6, 0.75);
    expect(partWith(wordOf(50))).to.be.within(0.01, 0.05);
    expect(partWith(wordOf(1_000))).to.be.within(0.0001, 0.01);
  });

  it("have words that are all different", () => {
    expect(new Set(Array.from({ length: 4_096 }, (_, rank) => wordOf(rank)))).to.have.property("size", 4_096);
  });

  it("are found newest first by all words of a query, in one chat or in all", () => {
    const texts = ["ba de", "ba", "de ba", "fu", "de bade", "ba de"];
    const hitsIn = (chat?: number) => hitsOf(["ba de"], { count: 6, chats: 2, limit: 3, chat }, (at) => texts[at]!);
    expect(hitsIn()).to.deep.equal([
      [
        { chat: 2, number: 3 },
        { chat: 1, number: 3 },
        { chat: 1, number: 2 },
      ],
    ]);
    expect(hitsIn(1)).to.deep.equal([[3, 2, 1].map((number) => ({ chat: 1, number }))]);
  });
});
