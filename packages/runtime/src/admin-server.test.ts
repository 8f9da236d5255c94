import { expect } from "chai";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import {
  createLiveness,
  createLogger,
  createMetrics,
  startAdminServer,
  type AdminServer,
  type Liveness,
  type Logger,
  type Readiness,
} from "./index.ts";

describe("startAdminServer", () => {
  let admin: AdminServer;
  let readiness: Readiness;
  const lifecycle = { started: true, draining: false };
  let liveness: Liveness;
  let logger: Logger;
  let lines: Record<string, unknown>[];

  beforeEach(async () => {
    Object.assign(lifecycle, { started: true, draining: false });
    lines = [];
    logger = createLogger(
      { level: "info", service: "api" },
      { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) },
    );
    readiness = { ok: true, checks: { redis: { ok: true, critical: true, ms: 1 } } };
    liveness = createLiveness();
    admin = await startAdminServer({
      port: 0,
      host: "127.0.0.1",
      health: { ready: () => readiness },
      liveness,
      metrics: createMetrics({ process_cpu_seconds_total: { type: "counter", help: "Processor time" } }, "api"),
      lifecycle,
      logger,
    });
  });
  afterEach(() => admin.stop());

  const get = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`http://127.0.0.1:${admin.port}${path}`, init);

  it("says on /livez that the process answers, whatever the stores do", async () => {
    readiness = { ok: false, checks: {} };
    const response = await get("/livez");
    expect(response.status).to.equal(200);
    expect(await response.json()).to.deep.equal({ ok: true });
  });

  it("answers /livez with 503 and the reasons while a part of the process asks for a restart", async () => {
    liveness.fail("consumer", "it takes nothing");
    const response = await get("/livez");
    expect(response.status).to.equal(503);
    expect(await response.json()).to.deep.equal({ ok: false, reasons: ["it takes nothing"] });
    liveness.recover("consumer");
    expect((await get("/livez")).status).to.equal(200);
  });

  it("compresses /metrics for those that accept gzip, as Prometheus does", async () => {
    const ask = async (encoding: string) => {
      const response = await get("/metrics", { headers: { "accept-encoding": encoding } });
      const { headers } = response;
      expect(await response.text()).to.include("process_cpu_seconds_total");
      expect(headers.get("content-type")).to.include("text/plain");
      expect(headers.get("vary")).to.equal("Accept-Encoding");
      return headers.get("content-encoding");
    };
    expect(await ask("deflate, gzip;q=0.9")).to.equal("gzip");
    expect(await ask("identity")).to.equal(null);
    expect(await ask("gzip;q=0")).to.equal(null);
  });

  it("answers /readyz with 200 while it can serve", async () => {
    const response = await get("/readyz");
    expect(response.status).to.equal(200);
    expect(await response.json()).to.deep.equal({
      ok: true,
      started: true,
      draining: false,
      checks: readiness.checks,
    });
  });

  it("answers /readyz with 503 and the failing check", async () => {
    readiness = { ok: false, checks: { mysql: { ok: false, critical: true, ms: 900, error: "connection refused" } } };
    const response = await get("/readyz");
    expect(response.status).to.equal(503);
    expect(await response.json()).to.have.nested.property("checks.mysql.error", "connection refused");
  });

  it("answers /readyz with 503 until everything is started, whatever the checks say", async () => {
    lifecycle.started = false;
    const response = await get("/readyz");
    expect(response.status).to.equal(503);
    expect(await response.json()).to.include({ ok: false, started: false });
    expect((await get("/livez")).status).to.equal(200);
  });

  it("answers /readyz with 503 while it drains, and /livez with 200", async () => {
    lifecycle.draining = true;
    expect((await get("/readyz?probe=1")).status).to.equal(503);
    expect((await get("/livez")).status).to.equal(200);
  });

  it("serves the metrics of the process in Prometheus' format", async () => {
    const response = await get("/metrics");
    expect(response.headers.get("content-type")).to.match(/^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    expect(text).to.match(/^process_cpu_seconds_total\{service="api"\} /m);
    expect(text, "not in the catalogue").not.to.include("nodejs_");
  });

  const setLevel = (body: string): Promise<Response> => get("/loglevel", { method: "PUT", body });

  it("changes the log level while the process runs, given as a word or in JSON", async () => {
    expect((await setLevel("debug")).status).to.equal(200);
    expect(logger.isLevelEnabled("debug")).to.equal(true);
    expect(await (await setLevel('{"level": "warn"}')).json()).to.deep.equal({ level: "warn" });
    expect(logger.level).to.equal("warn");
    expect(await (await get("/loglevel")).json()).to.deep.equal({ level: "warn" });
  });

  it("refuses a log level that does not exist, and changes nothing", async () => {
    for (const body of ["", "loud", '{"level": 7}', "constructor", "x".repeat(1_000)]) {
      expect((await setLevel(body)).status, body.slice(0, 20)).to.equal(422);
    }
    expect((await setLevel("x".repeat(1_001))).status).to.equal(413);
    expect(logger.level).to.equal("info");
  });

  it("reads no more of a body than a level can have", async () => {
    const endless = request({ port: admin.port, host: "127.0.0.1", path: "/loglevel", method: "PUT" });
    endless.on("error", () => undefined);
    const answered = once(endless, "response");
    endless.write("x".repeat(2_000));
    const [response] = (await answered) as [IncomingMessage];
    expect(response.statusCode).to.equal(413);
    endless.destroy();
  });

  it("changes no log level for a web page, whatever name leads here", async () => {
    const put = async (headers: Record<string, string>): Promise<number | undefined> => {
      const asked = request({ port: admin.port, host: "127.0.0.1", path: "/loglevel", method: "PUT", headers });
      asked.end("debug");
      const [response] = (await once(asked, "response")) as [IncomingMessage];
      response.resume();
      return response.statusCode;
    };
    for (const host of ["evil.example", "evil.example:9081", "localhost.evil.example", "127.0.0.1.evil.example"]) {
      expect(await put({ host }), host).to.equal(403);
    }
    expect(await put({ host: "127.0.0.1", origin: "http://evil.example" })).to.equal(403);
    expect(logger.level).to.equal("info");
    for (const host of ["localhost:9081", "10.1.2.3:9081", "[::1]:9081", "[::1]"]) {
      expect(await put({ host }), host).to.equal(200);
    }
  });

  it("logs every change of the log level, those to silence and back too", async () => {
    for (const level of ["silent", "fatal", "info"]) await setLevel(level);
    expect(lines.map(({ before, now }) => [before, now])).to.deep.equal([
      ["info", "silent"],
      ["silent", "fatal"],
      ["fatal", "info"],
    ]);
  });

  it("goes to debug and back with SIGUSR2", async () => {
    await setLevel("error");
    for (const level of ["debug", "error"]) {
      const heard = once(process, "SIGUSR2");
      process.kill(process.pid, "SIGUSR2");
      await heard;
      expect(logger.level).to.equal(level);
    }
  });

  it("refuses other paths and methods", async () => {
    expect((await get("/")).status).to.equal(404);
    const refused = await get("/metrics", { method: "POST" });
    expect(refused.status).to.equal(405);
    expect(refused.headers.get("allow")).to.equal("GET, HEAD");
  });
});
