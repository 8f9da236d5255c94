import { maxPageBytes } from "@confab/contracts";
import { expect } from "chai";
import { fitAround } from "./fit-around.ts";

const messages = (from: number, to: number, bytes: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => ({ number: from + at, body: "x".repeat(bytes) }));
const ends = (page: { number: number }[]): number[] => [page[0]?.number ?? 0, page.at(-1)?.number ?? 0];

describe("fitting a page around a message", () => {
  it("shows all messages where their bodies fit", () => {
    expect(ends(fitAround(messages(1, 9, 10), messages(10, 20, 10)))).to.deep.equal([1, 20]);
    expect(fitAround([], [])).to.deep.equal([]);
  });

  it("leaves out the messages farthest from the middle where they do not", () => {
    const size = maxPageBytes / 10;
    expect(ends(fitAround(messages(1, 20, size), messages(21, 40, size)))).to.deep.equal([16, 25]);
    expect(ends(fitAround(messages(20, 20, size), messages(21, 40, size)))).to.deep.equal([20, 29]);
    expect(ends(fitAround(messages(1, 20, size), messages(21, 21, size)))).to.deep.equal([12, 21]);
  });
});
