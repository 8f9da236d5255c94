import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { answersInTime, whatIsMissing } from "./ready.ts";

describe("waiting for a service", () => {
  let body = "";
  let status = 503;
  const server = createServer((_, response) => response.writeHead(status).end(body));
  let url: string;
  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`;
  });
  after(() => server.close());

  it("ends at the deadline, and says what the service lacks", async () => {
    body = JSON.stringify({
      ok: false,
      checks: {
        redis: { ok: false, error: "no connection to Redis: connect ECONNREFUSED 127.0.0.1:1" },
        database: { ok: true },
      },
    });
    expect(await answersInTime(url, 200, () => true)).to.equal(false);
    expect(await whatIsMissing(url)).to.equal("redis: no connection to Redis: connect ECONNREFUSED 127.0.0.1:1");
  });

  it("says nothing for what says nothing itself", async () => {
    body = "not JSON";
    expect(await whatIsMissing(url)).to.equal(undefined);
    expect(await whatIsMissing("http://127.0.0.1:1/readyz")).to.equal(undefined);
  });

  it("ends as soon as the service is ready", async () => {
    const began = performance.now();
    setTimeout(() => (status = 200), 100);
    expect(await answersInTime(url, 10_000, () => true)).to.equal(true);
    expect(performance.now() - began).to.be.below(2_000);
  });
});
