import { expect } from "chai";
import { createPage } from "./page.ts";
import type { RowResult } from "./results.ts";
import type { Row } from "./rows/row.ts";

const row: Row = {
  name: "accept",
  title: "Accepting",
  sides: () => [],
  goals: [
    {
      title: "rate",
      figure: "accepted, messages/s",
      of: "Confab",
      against: "Go stick",
      better: "higher",
      pass: 1.4,
      aim: 2,
    },
  ],
};

const result: RowResult = {
  name: "accept",
  date: "2026-11-26T12:00:00.000Z",
  command: "make bench",
  machine: { cores: 2 },
  rounds: [
    { round: 1, side: "Confab", loadAverage: 0.5, figures: { "accepted, messages/s": 15_000 }, faults: [] },
    { round: 1, side: "Go stick", loadAverage: 1.5, figures: { "accepted, messages/s": 10_000 }, faults: [] },
    { round: 2, side: "Confab", loadAverage: 1, figures: { "accepted, messages/s": 90_000 }, faults: ["lost one"] },
  ],
};

describe("the result page", () => {
  it("shows medians, the verdict, the machine, the load, and why a round is void", () => {
    const text = createPage([row], [result]);
    expect(text).to.match(/\| rate +\| 10,000 \(10,000 – 10,000\) \| 15,000 .* 1\.50 \| 1\.40 \| +2 \| +pass \|/);
    expect(text).to.contain("cores: 2").and.contain("load average before a round 0.5 to 1.5");
    expect(text).to.contain("round 2 of Confab is void: lost one");
  });
});
