import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { startConstantDepth } from "./constant-depth.ts";

describe("the load with a constant backlog", () => {
  let folder: string;
  let server: Server;
  let [accepted, refused] = [0, 0];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-depth-"));
    await writeFile(join(folder, "requests"), "{}\n");
    server = createServer((_request, response) => {
      accepted += 10;
      response.end(JSON.stringify({ accepted: 10, refused }));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
  });

  after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    await rm(folder, { recursive: true });
  });

  const start = (done: () => number) => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return startConstantDepth({ url, requests: join(folder, "requests"), depth: 100, done });
  };

  it("sends as much as is done, and not more", async () => {
    let done = 0;
    const load = await start(() => done);
    // Each of the four connections may have sent one more batch before the backlog was full.
    await eventually(() => {
      expect(accepted).to.be.within(100, 130);
    });
    await sleep(50);
    expect(accepted).to.be.within(100, 130);
    done = 1_000;
    await eventually(() => {
      expect(load.backlog()).to.be.within(100, 130);
    });
    const { accepted: counted, faults } = await load.end();
    expect({ counted, faults }).to.deep.equal({ counted: accepted, faults: [] });
    await sleep(50);
    expect(accepted).to.equal(counted);
  });

  it("reports what was refused", async () => {
    refused = 1;
    const load = await start(() => 0);
    await sleep(100);
    const { faults } = await load.end();
    expect(faults).to.have.length(1);
    expect(faults[0]).to.match(/^\d+ messages were refused$/);
  });
});
