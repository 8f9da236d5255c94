import { expect } from "chai";
import { createGuesses } from "./guesses.ts";

describe("wrong guesses", () => {
  let time = 1_000;
  const open = (maximum?: number) =>
    createGuesses({ perSecond: 5, burst: 3, now: () => time, ...(maximum !== undefined && { maximum }) });

  it("are limited per address, in a burst and per second", () => {
    const guesses = open();
    for (let nth = 0; nth < 3; nth += 1) {
      expect(guesses.waitOf("a")).to.equal(0);
      guesses.count("a");
    }
    expect(guesses.waitOf("a")).to.equal(200);
    expect(guesses.waitOf("b")).to.equal(0);
    time += 200;
    expect(guesses.waitOf("a")).to.equal(0);
    guesses.count("a");
    expect(guesses.waitOf("a")).to.equal(200);
  });

  it("of many addresses are forgotten, the oldest first", () => {
    const guesses = open(2);
    for (const address of ["a", "a", "a", "b", "c"]) guesses.count(address);
    expect(guesses.size()).to.equal(2);
    expect(guesses.waitOf("a")).to.equal(0);
    time += 10_000;
    guesses.count("d");
    guesses.count("d");
    expect(guesses.size()).to.equal(1);
  });
});
