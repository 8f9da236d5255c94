import { expect } from "chai";
import { judge, median, spreadOf, type Round } from "./results.ts";
import type { Goal } from "./rows/row.ts";

function round(side: string, value: number | null, faults: readonly string[] = []): Round {
  return { round: 1, side, loadAverage: 0, figures: { rate: value }, faults };
}

const higher: Goal = { title: "", figure: "rate", of: "a", against: "b", better: "higher", pass: 1.4, aim: 2 };

describe("the results of a benchmark", () => {
  it("take the middle value, or the mean of the two in the middle", () => {
    expect(median([3, 1, 2])).to.equal(2);
    expect(median([10, 9, 1, 2])).to.equal(5.5);
    expect(median([])).to.equal(undefined);
  });

  it("give the range of the verified rounds of one side", () => {
    const rounds = [round("a", 10), round("a", 100, ["lost"]), round("a", 9), round("b", 1), round("a", null)];
    expect(spreadOf(rounds, "a", "rate")).to.deep.equal({ median: 9.5, lowest: 9, highest: 10 });
    expect(spreadOf(rounds, "a", "other")).to.equal(undefined);
  });

  it("compare medians with the goals", () => {
    const verdict = (a: number, goal = higher) => judge([round("a", a), round("b", 10)], goal)?.verdict;
    expect([13, 14, 19, 20].map((a) => verdict(a))).to.deep.equal(["below", "pass", "pass", "aim"]);
    const lower: Goal = { ...higher, better: "lower", pass: 0.7, aim: 0.5 };
    expect([8, 7, 6, 5].map((a) => verdict(a, lower))).to.deep.equal(["below", "pass", "pass", "aim"]);
  });

  it("judge a figure itself if it is compared with nothing, and nothing that was not measured", () => {
    const alone: Goal = { title: "", figure: "rate", of: "a", better: "lower", pass: 150, aim: 100 };
    expect(judge([round("a", 120)], alone)).to.include({ value: 120, verdict: "pass" });
    expect(judge([round("a", 20)], higher)).to.equal(undefined);
    expect(judge([round("a", 20), round("b", 10, ["void"])], higher)).to.equal(undefined);
  });
});
