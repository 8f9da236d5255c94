import { expect } from "chai";
import { costOf, costsText, fitCosts } from "./costs.ts";
import type { RowResult } from "./results.ts";

describe("the costs of a process", () => {
  const sizes = [
    { rate: 250, messagesPerBatch: 1 },
    { rate: 1_000, messagesPerBatch: 1.2 },
    { rate: 4_000, messagesPerBatch: 7 },
    { rate: 8_000, messagesPerBatch: 46 },
  ];
  const pointsOf = (costs: Parameters<typeof costOf>[0]) => sizes.map((size) => ({ ...size, us: costOf(costs, size) }));

  it("are found again from what they predict", () => {
    for (const costs of [
      { second: 100_000, message: 70, batch: 340 },
      { second: 0, message: 12, batch: 200 },
      { second: 5_000, message: 0, batch: 0 },
    ]) {
      const found = fitCosts(pointsOf(costs));
      for (const name of ["second", "message", "batch"] as const) expect(found[name]).to.be.closeTo(costs[name], 0.01);
    }
  });

  it("are never negative, and near in spite of errors", () => {
    const points = pointsOf({ second: 100_000, message: 70, batch: 0 });
    const found = fitCosts(points.map((point, at) => ({ ...point, us: point.us * (at % 2 === 0 ? 0.98 : 1.02) })));
    expect(found.batch).to.be.within(0, 10);
    expect(found.message).to.be.within(65, 75);
    expect(found.second).to.be.within(90_000, 110_000);
  });

  it("are compared with the rates that they were not found from", () => {
    const costs = { second: 100_000, message: 70, batch: 340 };
    const rounds = [...sizes, { rate: 2_000, messagesPerBatch: 2 }, { rate: 6_000, messagesPerBatch: 20 }].map(
      (size) => ({
        round: 1,
        side: `${size.rate.toLocaleString("en")}/s`,
        loadAverage: 1,
        faults: [],
        figures: {
          "ingest CPU, µs/message": costOf(costs, size) + (size.rate === 2_000 ? 9 : 0),
          "messages per batch": size.messagesPerBatch,
        },
      }),
    );
    const result: RowResult = { name: "capacity", date: "2026-11-26", command: "make bench", machine: {}, rounds };
    expect(costsText([result])).to.match(/\| ingest +\| +100 \| +70\.0 \| +340 \| +290 \(299\) \| +104 \(104\) \|/);
    expect(costsText([])).to.equal(undefined);
  });
});
