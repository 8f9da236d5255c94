import { expect } from "chai";
import { createGate } from "./gate.ts";

describe("a gate", () => {
  it("lets at most so many run at once, in their order, failures included", async () => {
    const gate = createGate(2);
    let [running, most] = [0, 0];
    const begun: number[] = [];
    const work = (index: number) => async (): Promise<number> => {
      begun.push(index);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (index === 3) throw new Error("three");
      return index;
    };
    const outcomes = await Promise.allSettled([0, 1, 2, 3, 4, 5].map((index) => gate(work(index))));
    expect(outcomes.map(({ status }) => status).join(" ")).to.equal(
      "fulfilled fulfilled fulfilled rejected fulfilled fulfilled",
    );
    expect(begun).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(most).to.equal(2);
  });
});
