import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { runReads } from "./reads.ts";

describe("the load of reads", () => {
  let server: Server;
  const paths: string[] = [];

  before(async () => {
    server = createServer((request, response) => {
      paths.push(request.url ?? "");
      response.writeHead(request.url === "/missing" ? 404 : 200).end(JSON.stringify({ path: request.url }));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
  });

  after(async () => {
    server.close();
    await once(server, "close");
  });

  const read = (questions: Parameters<typeof runReads>[0]["questions"]) =>
    runReads({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, questions, seconds: 0.1 });
  const question = (path: string, expected = path) => ({
    path,
    isRight: (answer: unknown) => (answer as { path: string }).path === expected,
  });

  it("asks the kinds in turn, and the questions of a kind as well", async () => {
    const { latencies, faults } = await read({ one: [question("/a")], two: [question("/b"), question("/c")] });
    expect(paths.slice(0, 6)).to.deep.equal(["/a", "/b", "/a", "/c", "/a", "/b"]);
    expect(latencies.one).to.have.length.above(2);
    expect(latencies.one).to.have.length(latencies.two!.length);
    expect(faults).to.deep.equal([]);
  });

  it("names the kinds that had wrong answers", async () => {
    const { faults } = await read({
      right: [question("/a")],
      other: [question("/b", "/c")],
      none: [question("/missing")],
    });
    expect(faults.map((fault) => fault.split(":")[0])).to.deep.equal(["other", "none"]);
  });
});
