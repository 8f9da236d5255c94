import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { hostsOf, type AddressLimits } from "../src/nginx.ts";
import { limits, mebibyte, useNginx } from "./support/nginx.ts";

interface ProblemDocument {
  request_id: string;
  detail: string;
  instance?: string;
}

/** Returns the open files of the server's workers, also deleted ones; none if the system does not list them. */
function openFiles(pid: number): string[] {
  if (process.platform !== "linux") return [];
  const workers = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return workers.flatMap((worker) => {
    const folder = `/proc/${worker}/fd`;
    return readdirSync(folder).map((descriptor) => readlinkSync(join(folder, descriptor)));
  });
}

describe("nginx in front of the services", function () {
  // Installs nginx where it is missing.
  this.timeout(120_000);
  const front = useNginx();
  const { ask, folder, accessLog } = front;

  it("puts no byte of a path into its own answers that could end their JSON", async () => {
    for (const path of ['/a"b', "/a\\b", "/a%22b", '/applications/x?q="', "/'"]) {
      const { body } = await front.askRaw(`TRACE ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      const { instance } = JSON.parse(body) as ProblemDocument;
      expect(instance, path).to.equal({ "/a%22b": "/a%22b", '/applications/x?q="': "/applications/x" }[path]);
    }
  });

  const flood = (count: number, path: string, method = "GET") =>
    Promise.all(
      Array.from({ length: count }, (_, i) => ask(path, { method, headers: { "x-request-id": `flood-${i}` } })),
    );
  type Answer = Awaited<ReturnType<typeof ask>>;
  const isRefused = ({ response }: Answer) => response.status === 429;
  /** Waits until the address may send as much at once as if it had never sent. */
  const calm = ({ burst, requestsPerSecond }: { burst: number; requestsPerSecond: number }) =>
    sleep((1000 * (burst + 1)) / requestsPerSecond);
  const { sending, admin, other } = limits;

  it("answers 429 with a problem after the burst, counting what is sent alone and in batches together", async () => {
    expect((await flood(60, "/messages")).some(isRefused)).to.equal(false);
    await calm(sending);
    const start = performance.now();
    const answers = [...(await flood(10, "/messages", "POST")), ...(await flood(60, "/messages/batch", "POST"))];
    const earnedMeanwhile = Math.ceil((performance.now() - start) / 100);
    const refused = answers.filter(isRefused);
    expect(answers.length - refused.length).to.be.within(21, 21 + earnedMeanwhile);
    const [first] = refused;
    expect(first?.response.headers.get("content-type")).to.equal("application/problem+json");
    expect(first?.response.headers.get("retry-after")).to.equal("1");
    expect(first?.response.headers.get("x-request-id")).to.match(/^flood-\d+$/);
    expect(first?.body).to.include({ type: "https://chat.example.com:8443/problems/rate-limited", status: 429 });
    expect(first?.body.request_id).to.equal(first?.response.headers.get("x-request-id"));
    expect(first?.body.instance).to.match(/^\/messages(\/batch)?$/);
    expect(first?.response.headers.get("ratelimit")).to.equal('"address";r=0;t=1');
    expect(first?.response.headers.get("cache-control")).to.equal("private, no-store");
    expect(first?.response.headers.get("x-content-type-options")).to.equal("nosniff");
  });

  it("answers 429 to an address that tries many admin keys, or creates application after application", async () => {
    for (const [method, path] of [
      ["GET", "/applications"],
      ["POST", "/applications"],
      ["GET", "/admin/keys"],
      ["DELETE", "/admin/keys/8Qn3fVbZ"],
    ] as const) {
      const start = performance.now();
      const refused = (await flood(100, path, method)).filter(isRefused);
      const earned = Math.ceil(((performance.now() - start) / 1000) * admin.requestsPerSecond);
      expect(refused.length, `${method} ${path}`).to.be.at.least(100 - 1 - admin.burst - earned);
      expect(refused[0]?.body).to.include({ type: "https://chat.example.com:8443/problems/rate-limited", status: 429 });
    }
    await calm(admin);
  });

  it("answers 429 to an address that tries token after token, far above what a client asks for", async () => {
    const guess = () => `/applications/${randomUUID()}`;
    const start = performance.now();
    const answers = await Promise.all(Array.from({ length: 1500 }, () => ask(guess())));
    const earned = Math.ceil(((performance.now() - start) / 1000) * other.requestsPerSecond);
    const passed = answers.filter((answer) => !isRefused(answer)).length;
    expect(passed).to.be.within(1 + other.burst, 1 + other.burst + earned);
    await calm(other);
  });

  it("lets pages of CORS_ORIGINS read its own answers, and no other page", async () => {
    const refusedFor = async (origin: string) => {
      const init = { method: "POST", body: Buffer.alloc(9 * mebibyte), headers: { origin } };
      const { response } = await ask("/messages/batch", init);
      expect(response.status).to.equal(413);
      return ["access-control-allow-origin", "access-control-expose-headers", "vary"].map((name) =>
        response.headers.get(name),
      );
    };
    for (const origin of ["https://app.example.com", "https://other.example.com"]) {
      expect(await refusedFor(origin)).to.deep.equal([origin, "Allow, RateLimit, Retry-After, X-Request-ID", "Origin"]);
    }
    expect(await refusedFor("https://app.example.com.evil.example")).to.deep.equal([null, null, "Origin"]);
    const own = readFileSync(join(import.meta.dirname, "../nginx-problems.conf"), "utf8");
    const cors = ["Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Vary"];
    const alwaysReadable = ["Cache-Control", "X-Content-Type-Options"];
    const headers = [...own.matchAll(/add_header (\S+)/g)].map(([, name]) => name!);
    expect(new Set(headers)).to.deep.equal(
      new Set(["Allow", "RateLimit", "Retry-After", "X-Request-ID", ...cors, ...alwaysReadable]),
    );
    await calm(sending);
  });

  /** Requests 24 streams of one application from an nginx of its own, all at the same time. Returns how each answer begins. */
  async function requestStreams(name: string, limits: AddressLimits | undefined, connections: number) {
    const settings = { publicUrl: "http://localhost", limits, maxStreams: 1, corsOrigins: [], hosts: hostsOf({}) };
    const server = await front.start(name, settings, (config) =>
      config
        .replace("worker_processes auto", "worker_processes 1")
        .replace(/worker_connections \d+/, `worker_connections ${connections}`),
    );
    const token = randomUUID();
    const sockets = Array.from({ length: 24 }, () => connect(server.port, "127.0.0.1").on("error", () => undefined));
    const answers = sockets.map(() => "");
    for (const [at, socket] of sockets.entries()) {
      socket.on("data", (bytes: Buffer) => (answers[at] = `${answers[at] ?? ""}${bytes.toString()}`));
      socket.write(`GET /applications/${token}/stream HTTP/1.1\r\nHost: localhost\r\n`);
    }
    await sleep(300);
    for (const socket of sockets) socket.write("\r\n");
    const whole = () => answers.filter((answer) => answer.includes("\r\n\r\n"));
    for (const deadline = Date.now() + 5_000; whole().length < 24 && Date.now() < deadline;) await sleep(50);
    for (const socket of sockets) socket.destroy();
    await server.stop();
    expect(readFileSync(join(folder, `${name}.log`), "utf8")).to.not.include(token.slice(9));
    return whole().map((answer) => `${answer.slice(9, 12)} ${/content-type: ([^;\r]+)/i.exec(answer)?.[1] ?? ""}`);
  }

  it("answers 429 to an address that keeps too many requests open", async () => {
    const outcomes = await requestStreams("open", { ...limits, open: 20 }, 1000);
    expect(outcomes.filter((outcome) => outcome === "200 text/event-stream")).to.have.length(20);
    expect(outcomes.filter((outcome) => outcome === "429 application/problem+json")).to.have.length(4);
  });

  it("ends connections with half a header after seconds, and serves other clients meanwhile", async () => {
    const halves: Socket[] = [];
    const opened = performance.now();
    // More than a worker would have with 4,096 connections, as many as the attack that once stopped nginx.
    while (halves.length < 8_600) {
      const some = Array.from({ length: 430 }, () =>
        connect(front.nginx.port, "127.0.0.1").on("error", () => undefined),
      );
      await Promise.all(some.map((socket) => once(socket, "connect")));
      for (const socket of some) socket.resume().write("GET / HTTP/1.1\r\nHost: local");
      halves.push(...some);
    }
    for (let request = 0; request < 20; request++) expect((await ask("/")).response.status).to.equal(200);
    await Promise.all(halves.filter(({ closed }) => !closed).map((socket) => once(socket, "close")));
    expect((performance.now() - opened) / 1_000, "seconds until all are closed").to.be.below(9);
  });

  it("answers 503 with a problem where it has no connection left, and logs no token", async () => {
    const outcomes = await requestStreams("scarce", undefined, 32);
    expect(new Set(outcomes)).to.deep.equal(new Set(["200 text/event-stream", "503 application/problem+json"]));
  });

  it("answers under its own names and under no other, so that no foreign page is taken for one of its own", async () => {
    const get = async (host: string, path = "/openapi.json") => {
      const request = `GET ${path} HTTP/1.1\r\n${host === "" ? "" : `Host: ${host}\r\n`}Connection: close\r\n\r\n`;
      const { head, body } = await front.askRaw(request);
      return { status: Number(head.split(" ")[1]), body };
    };
    for (const host of [`localhost:${front.nginx.port}`, "LOCALHOST", "127.0.0.1", "[::1]:8080", "chat.example.com"]) {
      expect((await get(host)).status, host).to.equal(200);
    }
    const foreign = [
      "evil.example",
      "localhost.evil.example",
      "chat-example.com",
      "evil.example/localhost",
      "10.0.0.1",
    ];
    for (const host of foreign) expect((await get(host)).status, host).to.be.oneOf([421, 400]);
    const { status, body } = await get("evil.example:8080");
    expect(status).to.equal(421);
    expect(JSON.parse(body)).to.include({
      type: "https://chat.example.com:8443/problems/misdirected-request",
      status: 421,
    });
    expect((await get("evil.example", "/.confab/malformed/../../applications")).status).to.equal(421);
    expect((await get("evil.example", "/.confab/malformed")).status).to.equal(404);
  });

  it("keeps tokens out of its logs, and both from other users, also when a slow client reads a large answer", async () => {
    const token = randomUUID();
    const slow = await fetch(`${front.nginx.url}/applications/${token}/chats/1/messages/large`);
    await sleep(500);
    expect(openFiles(front.nginx.pid).filter((file) => file.startsWith(join(folder, "nginx/proxy")))).to.deep.equal([]);
    expect((await slow.arrayBuffer()).byteLength).to.equal(32 * mebibyte);
    await fetch(`${front.nginx.url}/messages/batch?a=1`, { method: "POST", body: Buffer.alloc(mebibyte) });
    await ask(`//applications//${token.toUpperCase()}?limit=1`);
    for (const query of ["?ticket=confab_secret", "?after=1&ticket=confab_secret&ticket=confab_secret"]) {
      await ask(`/applications/${token}/chats/1/nothing${query}`);
    }
    // The same while a service is unavailable.
    await front.withoutApi(async () => {
      expect((await ask(`/applications/${token}`)).response.status).to.equal(503);
    });

    const access = readFileSync(accessLog, "utf8");
    const everything = access + readFileSync(join(folder, "nginx.log"), "utf8");
    expect(everything.toLowerCase()).to.not.include(token.slice(9));
    expect(access).to.include(`/applications/${token.slice(0, 8)}…/chats/1/messages/large`);
    expect(everything).to.not.include("confab_secret");
    expect(access).to.include(`/applications/${token.slice(0, 8)}…/chats/1/nothing?after=1&ticket=…`);
    expect(access).to.include(`//applications//${token.slice(0, 8).toUpperCase()}…?limit=1`);
    for (const log of [accessLog, join(folder, "nginx.log")]) expect(statSync(log).mode & 0o077, log).to.equal(0);
  });

  it("answers 413 with a problem when a body is above the services' 8 MiB", async () => {
    const small = await ask("/messages/batch", { method: "POST", body: Buffer.alloc(8 * 1024 * 1024 + 1000) });
    expect(small.response.status).to.equal(200);
    const { response, body } = await ask("/messages/batch", { method: "POST", body: Buffer.alloc(9 * 1024 * 1024) });
    expect(response.status).to.equal(413);
    expect(response.headers.get("content-type")).to.equal("application/problem+json");
    expect(body).to.include({ type: "https://chat.example.com:8443/problems/payload-too-large", status: 413 });
  });

  it("answers what it refuses by itself with problems, too", async () => {
    const refusals: [request: string, status: number, code: string][] = [
      ["BANANA\r\n\r\n", 400, "malformed-request"],
      ["GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", 400, "malformed-request"],
      ["GET / HTTP/2.0\r\nHost: x\r\nConnection: close\r\n\r\n", 400, "malformed-request"],
      [
        "POST /messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n",
        501,
        "unknown-transfer-encoding",
      ],
      ["TRACE /messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405, "method-not-allowed"],
      [`GET /${"a".repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431, "headers-too-large"],
      [`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${"a".repeat(40_000)}\r\n\r\n`, 431, "headers-too-large"],
    ];
    for (const [request, status, code] of refusals) {
      const { head, body } = await front.askRaw(request);
      expect(head, code).to.match(new RegExp(`^HTTP/1.1 ${status} `));
      expect(head).to.include("Content-Type: application/problem+json");
      const { request_id, detail, instance } = JSON.parse(body) as ProblemDocument;
      expect(head).to.include(`X-Request-ID: ${request_id}`);
      expect(detail, code).to.match(/\.$/);
      expect(instance, code).to.equal(/^[A-Z]+ (\/\w{0,99}) HTTP\/1/.exec(request)?.[1]);
      expect(JSON.parse(body)).to.include({ type: `https://chat.example.com:8443/problems/${code}`, code, status });
    }
  });

  it("answers 503 with a problem while a service is unavailable, and passes again at once when it answers", async () => {
    await front.withoutApi(async () => {
      const { response, body } = await ask("/applications");
      expect(response.status).to.equal(503);
      expect(response.headers.get("content-type")).to.equal("application/problem+json");
      expect(response.headers.get("retry-after")).to.equal("1");
      expect(body).to.include({ type: "https://chat.example.com:8443/problems/service-unavailable", status: 503 });
    });
    expect((await ask("/applications")).response.status).to.equal(200);
  });
});
