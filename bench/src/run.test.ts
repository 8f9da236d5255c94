import { expect } from "chai";
import { measureRow } from "./run.ts";
import type { Measured, Row } from "./rows/row.ts";
import type { World } from "./world.ts";

const world: World = {
  folder: "",
  mysqlPid: 0,
  stick: undefined,
  hasElasticsearch: false,
  keep: async (_name, create) => (await create()).value,
  close: () => Promise.resolve(),
};

describe("the rounds of a row", () => {
  it("alternate the sides, and continue after a measurement that failed", async () => {
    const side = (name: string, measure: () => Promise<Measured>) => ({ name, measure });
    const measured: Measured = { figures: { rate: 1 }, faults: [] };
    const row: Row = {
      name: "row",
      title: "Row",
      goals: [],
      sides: () => [
        side("a", () => Promise.resolve(measured)),
        side("b", () => Promise.reject(new Error("Redis did not start"))),
      ],
    };
    const rounds = await measureRow(world, { rounds: 2, seconds: 1, isQuick: false }, row);
    expect(rounds.map(({ round, side, faults }) => [round, side, ...faults])).to.deep.equal([
      [1, "a"],
      [1, "b", "Redis did not start"],
      [2, "a"],
      [2, "b", "Redis did not start"],
    ]);
  });
});
