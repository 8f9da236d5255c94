import { setTimeout as sleep } from "node:timers/promises";
import { testStores, uniquePrefix } from "@confab/testkit";
import { expect } from "chai";
import { Redis } from "ioredis";
import { createLease } from "../src/index.ts";

describe("a lease", () => {
  let redis: Redis;
  before(() => {
    redis = new Redis(testStores().redisUrl);
  });
  after(() => {
    redis.disconnect();
  });
  const processes = (count: number, forMs: number) => {
    const prefix = uniquePrefix("lease");
    return Array.from({ length: count }, () => createLease(redis, prefix, { name: "work", forMs }));
  };

  it("is given to one of many processes, which can renew it", async () => {
    const leases = processes(20, 60_000);
    const first = await Promise.all(leases.map((take) => take()));
    expect(first.filter(Boolean)).to.have.length(1);
    expect(await Promise.all(leases.map((take) => take())), "the same one").to.deep.equal(first);
  });

  it("passes to another process when its holder does not renew it", async () => {
    const [holder, other] = processes(2, 100);
    expect(await holder!()).to.equal(true);
    await sleep(60);
    expect(await holder!()).to.equal(true);
    await sleep(60);
    expect(await other!(), "it was renewed").to.equal(false);
    await sleep(60);
    expect(await other!()).to.equal(true);
    expect(await holder!()).to.equal(false);
  });
});
