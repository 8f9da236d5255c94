import { expect } from "chai";
import { createServerTotals } from "./server-totals.ts";

describe("createServerTotals", () => {
  const total = (server: string, evicted: number) => ({ server, evicted, delayed: 0, cpu: 0 });
  const evictedOf = (increases: readonly { evicted: number }[]) => increases.map(({ evicted }) => evicted);

  it("starts at the first totals of a server and adds what comes after them", () => {
    const totals = createServerTotals();
    expect(evictedOf(totals.increasesOf([total("a", 100)]))).to.deep.equal([0]);
    expect(evictedOf(totals.increasesOf([total("a", 103)]))).to.deep.equal([3]);
  });

  it("takes lower totals of a server for a reset, and another server for a new one", () => {
    const totals = createServerTotals();
    totals.increasesOf([total("a", 100), total("b", 50)]);
    expect(evictedOf(totals.increasesOf([total("a", 2), total("c", 900)]))).to.deep.equal([2, 0]);
  });
});
