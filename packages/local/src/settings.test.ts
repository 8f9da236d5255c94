import { expect } from "chai";
import { maxOffset, readPorts, redisMaxmemory } from "./settings.ts";

describe("the memory limit of Redis on one machine", () => {
  it("is a bounded part of the memory, unless CONFAB_REDIS_MAXMEMORY says how much", () => {
    expect(parseInt(redisMaxmemory({}))).to.be.within(128, 2048);
    expect(redisMaxmemory({ CONFAB_REDIS_MAXMEMORY: "3gb" })).to.equal("3gb");
    expect(() => redisMaxmemory({ CONFAB_REDIS_MAXMEMORY: "half" })).to.throw("must be a size, such as 512mb");
    // For Redis, 0 means no limit.
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
  });

  it("are never those of a clone with another offset", () => {
    const taken = new Map<number, string>();
    for (let offset = 0; offset <= maxOffset; offset += 10) {
      for (const [name, port] of Object.entries(readPorts({ CONFAB_PORT_OFFSET: String(offset) }))) {
        expect(taken.get(port), `${name} with offset ${offset}`).to.equal(undefined);
        taken.set(port, `${name} with offset ${offset}`);
      }
    }
    for (const offset of ["-10", "5", "1000", "2000", "ten"])
      expect(() => readPorts({ CONFAB_PORT_OFFSET: offset })).to.throw("CONFAB_PORT_OFFSET must be a multiple of 10");
  });
});
