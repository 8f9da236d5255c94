import { expect } from "chai";
import { readPorts, redisMaxmemory } from "./settings.ts";

describe("the memory limit of Redis on one machine", () => {
  it("is a bounded part of the memory, unless CONFAB_REDIS_MAXMEMORY says how much", () => {
    expect(parseInt(redisMaxmemory({}))).to.be.within(128, 2048);
    expect(redisMaxmemory({ CONFAB_REDIS_MAXMEMORY: "3gb" })).to.equal("3gb");
    expect(() => redisMaxmemory({ CONFAB_REDIS_MAXMEMORY: "half" })).to.throw("must be a size, such as 512mb");
    // Redis takes 0 as no bound at all.
    expect(() => redisMaxmemory({ CONFAB_REDIS_MAXMEMORY: "0" })).to.throw("CONFAB_REDIS_MAXMEMORY");
  });
});

describe("the ports of a run", () => {
  it("move together with CONFAB_PORT_OFFSET, except those that are named", () => {
    expect(readPorts({})).to.include({ CONFAB_PORT: 8080, CONFAB_WORKER_ADMIN_PORT: 9083, CONFAB_REDIS_PORT: 16379 });
    expect(readPorts({ CONFAB_PORT_OFFSET: "100", CONFAB_API_PORT: "4000" })).to.deep.equal({
      CONFAB_PORT: 8180,
      CONFAB_INGEST_PORT: 8181,
      CONFAB_API_PORT: 4000,
      CONFAB_INGEST_ADMIN_PORT: 9181,
      CONFAB_API_ADMIN_PORT: 9182,
      CONFAB_WORKER_ADMIN_PORT: 9183,
      CONFAB_REDIS_PORT: 16479,
      CONFAB_MYSQL_PORT: 13406,
      CONFAB_ELASTICSEARCH_PORT: 19300,
    });
    expect(() => readPorts({ CONFAB_PORT_OFFSET: "-1" })).to.throw("CONFAB_PORT_OFFSET must be a whole number");
  });
});
