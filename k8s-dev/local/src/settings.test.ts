import { expect } from "chai";
import { redisMaxmemory } from "./settings.ts";

describe("what Redis may take on one machine", () => {
  it("is a bounded part of the memory, unless CONFAB_REDIS_MAXMEMORY says how much", () => {
    expect(parseInt(redisMaxmemory({}))).to.be.within(128, 2048);
    expect(redisMaxmemory({ CONFAB_REDIS_MAXMEMORY: "3gb" })).to.equal("3gb");
    expect(() => redisMaxmemory({ CONFAB_REDIS_MAXMEMORY: "half" })).to.throw("must be a size, such as 512mb");
    // Redis takes 0 as no bound at all.
    expect(() => redisMaxmemory({ CONFAB_REDIS_MAXMEMORY: "0" })).to.throw("CONFAB_REDIS_MAXMEMORY");
  });
});
