import { createLogger } from "@confab/runtime";
import { expect } from "chai";
import type { Request, Response } from "express";
import { PassThrough } from "node:stream";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { contextOf, createBegin, requestContext } from "../src/request-context.ts";

const requests = 5_000;
/** Number of bytes that each request keeps alive, eight per array item. */
const payload = 1_000;

describe("requestContext", () => {
  it("leaves no memory that only a full garbage collection frees", () => {
    const handle = requestContext(createBegin(createLogger({ level: "silent", service: "test" }, new PassThrough())));
    const serve = () => {
      const req = { method: "GET", headers: {}, payload: new Array<number>(payload / 8).fill(0) } as unknown as Request;
      handle(req, { setHeader: () => undefined } as unknown as Response, () => undefined);
      return contextOf(req).requestId;
    };
    expect(serve()).to.have.length(12);
    for (let i = 0; i < requests; i += 1) serve();
    collect({ type: "major" });
    const before = oldGeneration();
    for (let i = 0; i < requests; i += 1) {
      serve();
      // Two minor collections are needed: objects that survive one are moved to the old generation by the next.
      if (i % 500 === 0) collectYoung();
    }
    collectYoung();
    expect(oldGeneration() - before).to.be.below((requests * payload) / 5);
  });
});

function collectYoung(): void {
  collect({ type: "minor" });
  collect({ type: "minor" });
}

function oldGeneration(): number {
  return getHeapSpaceStatistics()
    .filter(({ space_name: name }) => !name.startsWith("new"))
    .reduce((sum, { space_used_size: size }) => sum + size, 0);
}

/** V8's garbage collector, exposed by a flag. */
const collect = (() => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as (options: { type: "major" | "minor" }) => void;
})();
