import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { firstBytes } from "../src/first-bytes.ts";
import { ensureProgram } from "../src/install.ts";
import { floodLimit, writeNginxConfig } from "../src/nginx.ts";
import { freePort } from "../src/ports.ts";
import { startServer } from "../src/server.ts";
import type { ServerHandle } from "../src/server.ts";

async function listenAs(name: string): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ name, id: request.headers["x-request-id"], url: request.url }));
    });
  });
  server.listen(await freePort(), "127.0.0.1");
  await once(server, "listening");
  return server;
}

const portOf = (server: Server) => {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
};

describe("nginx in front of the services", function () {
  // Installs nginx where it is missing.
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), "confab-nginx-"));
  const accessLog = join(folder, "logs/access.log");
  let nginx: ServerHandle;
  let ingest: Server;
  let api: Server;

  before(async () => {
    const command = await ensureProgram({ programs: ["nginx"], packages: ["nginx"] }, () => undefined);
    [ingest, api] = await Promise.all([listenAs("ingest"), listenAs("api")]);
    const port = await freePort();
    const args = writeNginxConfig({
      listen: `127.0.0.1:${port}`,
      ingest: `127.0.0.1:${portOf(ingest)}`,
      api: `127.0.0.1:${portOf(api)}`,
      dir: join(folder, "nginx"),
      accessLog,
      flood: floodLimit({}),
    });
    nginx = await startServer({
      name: "nginx",
      url: `http://127.0.0.1:${port}`,
      port,
      command,
      args,
      logFile: join(folder, "nginx.log"),
      startTimeoutMs: 10_000,
      isReady: async () => (await firstBytes(port, "GET / HTTP/1.0\r\n\r\n")) !== undefined,
    });
  });

  after(async () => {
    await nginx.stop();
    ingest.close();
    api.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${nginx.url}${path}`, init);
    return { response, body: (await response.json()) as Record<string, unknown> };
  };

  it("sends both paths of new messages to ingest and everything else to api, with paths as they came", async () => {
    expect((await ask("/messages/batch", { method: "POST" })).body.name).to.equal("ingest");
    expect((await ask("/messages", { method: "PUT" })).body.name).to.equal("ingest");
    for (const path of ["/", "/messages/1", "/applications/a%2Fb/chats?after=1", "/a/messages/stream"]) {
      expect((await ask(path)).body).to.include({ name: "api", url: path });
    }
  });

  it("takes over a sane request id and makes one otherwise", async () => {
    const idFor = async (id: string) => (await ask("/", { headers: { "x-request-id": id } })).body.id;
    expect(await idFor("a.B_9-z")).to.equal("a.B_9-z");
    expect(await idFor("with blank")).to.match(/^[0-9a-f]{32}$/);
    expect(await idFor("x".repeat(129))).to.match(/^[0-9a-f]{32}$/);
    expect((await ask("/")).body.id).to.match(/^[0-9a-f]{32}$/);
  });

  it("answers 429 with a problem after the burst, counting POST on the one path alone", async () => {
    const flood = (path: string, method: string) =>
      Promise.all(
        Array.from({ length: 60 }, (_, i) => ask(path, { method, headers: { "x-request-id": `flood-${i}` } })),
      );
    const isRefused = ({ response }: { response: Response }) => response.status === 429;
    expect((await flood("/messages", "GET")).some(isRefused)).to.equal(false);
    expect((await flood("/messages/batch", "POST")).some(isRefused)).to.equal(false);

    const start = performance.now();
    const answers = await flood("/messages", "POST");
    const earnedMeanwhile = Math.ceil((performance.now() - start) / 100);
    const refused = answers.filter(isRefused);
    expect(answers.length - refused.length).to.be.within(21, 21 + earnedMeanwhile);
    const [first] = refused;
    expect(first?.response.headers.get("content-type")).to.equal("application/problem+json");
    expect(first?.response.headers.get("retry-after")).to.equal("1");
    expect(first?.response.headers.get("x-request-id")).to.match(/^flood-\d+$/);
    expect(first?.body).to.include({ type: "/problems/rate-limited", status: 429 });
    expect(first?.body.request_id).to.equal(first?.response.headers.get("x-request-id"));
  });

  it("answers 413 with a problem when a body is above the services' 8 MiB", async () => {
    const small = await ask("/messages/batch", { method: "POST", body: Buffer.alloc(8 * 1024 * 1024 + 1000) });
    expect(small.response.status).to.equal(200);
    const { response, body } = await ask("/messages/batch", { method: "POST", body: Buffer.alloc(9 * 1024 * 1024) });
    expect(response.status).to.equal(413);
    expect(response.headers.get("content-type")).to.equal("application/problem+json");
    expect(body).to.include({ type: "/problems/payload-too-large", status: 413 });
  });

  it("answers what it refuses by itself with problems, too", async () => {
    const refusals: [request: string, status: number, code: string][] = [
      ["BANANA\r\n\r\n", 400, "malformed-request"],
      ["GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", 400, "malformed-request"],
      ["TRACE /messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405, "method-not-allowed"],
      [`GET /${"a".repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431, "headers-too-large"],
      [`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${"a".repeat(40_000)}\r\n\r\n`, 431, "headers-too-large"],
    ];
    for (const [request, status, code] of refusals) {
      const answer = String(await firstBytes(Number(new URL(nginx.url).port), request));
      const [head = "", body = ""] = answer.split("\r\n\r\n");
      expect(head, code).to.match(new RegExp(`^HTTP/1.1 ${status} `));
      expect(head).to.include("Content-Type: application/problem+json");
      expect(JSON.parse(body)).to.include({ type: `/problems/${code}`, status });
    }
  });

  it("answers 503 with a problem while a service is away, and passes again at once when it is back", async () => {
    const port = portOf(api);
    api.close();
    api.closeAllConnections();
    const { response, body } = await ask("/applications");
    expect(response.status).to.equal(503);
    expect(response.headers.get("content-type")).to.equal("application/problem+json");
    expect(response.headers.get("retry-after")).to.equal("1");
    expect(body).to.include({ type: "/problems/service-unavailable", status: 503 });

    api.listen(port, "127.0.0.1");
    await once(api, "listening");
    expect((await ask("/applications")).response.status).to.equal(200);
  });

  it("logs each request as a line of JSON", async () => {
    const agent = 'quote " and \\ backslash';
    await ask("/logged?x=1", { headers: { "x-request-id": "logged-1", "user-agent": agent } });
    const lines = readFileSync(accessLog, "utf8").trim().split("\n");
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const entry = entries.find(({ request_id: id }) => id === "logged-1");
    expect(entry).to.include({
      remote_addr: "127.0.0.1",
      method: "GET",
      uri: "/logged?x=1",
      status: 200,
      user_agent: agent,
    });
    expect(entry?.request_time).to.be.a("number");
    expect(entry).to.have.keys(
      ...[
        "time",
        "request_id",
        "remote_addr",
        "method",
        "uri",
        "status",
        "bytes",
        "request_time",
        "upstream_time",
        "user_agent",
      ],
    );
  });

  it("has no limit where RATE_LIMITS is off, and says which variable is wrong", () => {
    expect(floodLimit({ RATE_LIMITS: "off" })).to.equal(undefined);
    expect(floodLimit({ FLOOD_RATE: "50", FLOOD_BURST: "100" })).to.deep.equal({ requestsPerSecond: 50, burst: 100 });
    expect(() => floodLimit({ FLOOD_RATE: "many" })).to.throw("FLOOD_RATE must be a whole number");
  });
});
