import { expect } from "chai";
import { createLineBudget } from "./line-budget.ts";

describe("the budget of log lines", () => {
  it("has room for so many lines in each second, the process' first one included", () => {
    const hasRoom = createLineBudget(2);
    expect([0, 10, 20, 999].map(hasRoom)).to.deep.equal([true, true, false, false]);
    expect([1_000, 1_500, 1_999].map(hasRoom)).to.deep.equal([true, true, false]);
    expect(hasRoom(7_000)).to.equal(true);
  });
});
