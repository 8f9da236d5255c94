import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { percentile, runOpenLoop } from "./open-loop.ts";
import type { OpenLoopCommand } from "./open-loop-process.ts";

describe("the load at a fixed rate", () => {
  let folder: string;
  let undo: (() => Promise<unknown>)[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-open-loop-"));
    undo = [() => rm(folder, { recursive: true })];
  });

  afterEach(async () => {
    for (const step of undo.splice(0)) await step();
  });

  async function load(answer: RequestListener, connections = 1, more: Partial<OpenLoopCommand> = {}) {
    const server = createServer(answer).listen(0, "127.0.0.1");
    undo.push(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const requests = join(folder, "requests");
    await writeFile(requests, '{"body":"é"}\n{"body":"b"}\n');
    const command = { port, path: "/messages", requests, rate: 100, seconds: 1, connections, expected: 201 };
    return runOpenLoop({ ...command, ...more });
  }

  it("counts latency from the scheduled time, so that one slow answer makes those late that wait behind it", async () => {
    let isFirst = true;
    const { answered, refused, broken, p50 } = await load((_request, response) => {
      const delayMs = isFirst ? 700 : 0;
      isFirst = false;
      void sleep(delayMs).then(() => response.writeHead(201, { "Content-Length": 2 }).end("{}"));
    });
    expect({ answered, refused, broken }).to.deep.equal({ answered: 100, refused: 0, broken: 0 });
    // 70 of the 100 requests were due before the first answer.
    expect(p50).to.be.greaterThan(100);
  });

  it("sends the bodies in turn", async () => {
    const bodies: string[] = [];
    await load((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      request.on("end", () => {
        bodies.push(body);
        response.writeHead(201, { "Content-Length": 0 }).end();
      });
    });
    expect(bodies.slice(0, 3)).to.deep.equal(['{"body":"é"}', '{"body":"b"}', '{"body":"é"}']);
    expect(bodies).to.have.length(100);
  });

  it("counts other answers", async () => {
    let count = 0;
    const { answered, refused, faults } = await load((_request, response) => {
      count += 1;
      response.writeHead(count % 2 === 0 ? 201 : 503, { "Content-Length": 0 }).end();
    }, 4);
    expect({ answered, refused }).to.deep.equal({ answered: 50, refused: 50 });
    expect(faults).to.deep.equal(["50 requests were not answered with 201"]);
  });

  describe("that is more than the service can take", () => {
    const overload = { isOverload: true, rate: 1_000, seconds: 2 };

    it("gives up what could not be sent, and counts only answers within a second and before the end", async () => {
      let count = 0;
      const { answered, useful, broken, faults } = await load(
        (_request, response) => {
          const delayMs = [1_100, 1_500][count++] ?? 300;
          void sleep(delayMs).then(() => response.writeHead(201, { "Content-Length": 0 }).end());
        },
        2,
        overload,
      );
      expect({ broken, faults }).to.deep.equal({ broken: 0, faults: [] });
      expect(answered).to.be.within(4, 8);
      // Two answers came too late, and up to two came after the end.
      expect(answered - useful).to.be.within(3, 4);
    });

    it("counts 429 and 503 as refusals, and any other answer as a fault", async () => {
      const statuses = [201, 429, 503, 500];
      let count = 0;
      const { answered, refused, faults } = await load(
        (_request, response) => {
          response.writeHead(statuses[count++] ?? 201, { "Content-Length": 0 }).end();
        },
        2,
        overload,
      );
      expect(answered).to.equal(count - 3);
      expect(refused).to.equal(2);
      expect(faults).to.deep.equal(["1 requests were not answered with 201"]);
    });
  });

  it("takes the value that a part of the values does not exceed", () => {
    const values = Float64Array.from({ length: 100 }, (_, at) => 100 - at);
    expect([0.5, 0.99, 0.999].map((part) => percentile(values, part))).to.deep.equal([50, 99, 100]);
    expect(percentile(new Float64Array(), 0.5)).to.be.NaN;
  });
});
