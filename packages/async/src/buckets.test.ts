import { expect } from "chai";
import { createBuckets } from "./buckets.ts";

describe("buckets", () => {
  let time = 1_000;
  const open = (maximum?: number) =>
    createBuckets({ perSecond: 5, burst: 3, now: () => time, ...(maximum !== undefined && { maximum }) });

  it("limit each owner, in a burst and per second", () => {
    const buckets = open();
    for (let nth = 0; nth < 3; nth += 1) {
      expect(buckets.waitOf("a")).to.equal(0);
      buckets.take("a");
    }
    expect(buckets.waitOf("a")).to.equal(200);
    expect(buckets.waitOf("b")).to.equal(0);
    time += 200;
    expect(buckets.waitOf("a")).to.equal(0);
    buckets.take("a", 2);
    expect(buckets.waitOf("a")).to.equal(400);
  });

  it("forget the oldest of many owners, and those whose bucket is full again", () => {
    const buckets = open(2);
    for (const owner of ["a", "a", "a", "b", "c"]) buckets.take(owner);
    expect(buckets.size()).to.equal(2);
    expect(buckets.waitOf("a")).to.equal(0);
    time += 10_000;
    buckets.take("d");
    buckets.take("d");
    expect(buckets.size()).to.equal(1);
  });
});
