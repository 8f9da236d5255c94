import { expect } from "chai";
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import express, { type Request, type Response } from "express";
import { startHttpServer, type HttpServer } from "../src/index.ts";
import { bodyOf, connectRaw } from "./raw.ts";
import { publicAddress, startApp, type TestApp } from "./start-app.ts";

function slowApp(): (options?: { lifecycle?: { draining: boolean } }) => Promise<TestApp> {
  return (options) =>
    startApp((router) => {
      router.get("/slow", async (_req, res) => {
        await pause(150);
        res.end("finished");
      });
      router.get("/begun", async (_req, res) => {
        res.write("begun ");
        await pause(150);
        res.end("finished");
      });
    }, options);
}

describe("startHttpServer", () => {
  let server: HttpServer | undefined;
  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  it("creates requests and responses with Express' prototypes, so that Express does not change them", async () => {
    const seen: boolean[] = [];
    const app = express();
    const watched = new Proxy(app, {
      apply(target, self, [req, res]: [Request, Response]) {
        seen.push(Object.getPrototypeOf(req) === app.request, Object.getPrototypeOf(res) === app.response);
        return Reflect.apply(target, self, [req, res]) as unknown;
      },
    });
    app.get("/", (req, res) => {
      res.json({ ip: req.ip, host: req.get("host") });
    });
    server = await startHttpServer(watched, {
      port: 0,
      host: "127.0.0.1",
      publicUrl: publicAddress,
    });
    const response = await fetch(server.url);
    expect(await response.json()).to.deep.equal({ ip: "127.0.0.1", host: new URL(server.url).host });
    expect(seen).to.deep.equal([true, true]);
  });

  it("finishes its requests when it stops, announces the end of the connection, and accepts no new ones", async () => {
    const app = await slowApp()();
    const answer = fetch(`${app.url}/slow`);
    await pause(50);
    const began = performance.now();
    const stopped = app.stop();
    const response = await answer;
    expect(response.headers.get("connection")).to.equal("close");
    expect(await response.text()).to.equal("finished");
    await stopped;
    expect(performance.now() - began).to.be.below(10_000);
    const refused = await fetch(app.url).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(TypeError);
  });

  it("stops soon after an answer whose headers were already sent", async () => {
    const app = await slowApp()();
    const response = await fetch(`${app.url}/begun`);
    const began = performance.now();
    await Promise.all([app.stop(), response.text()]);
    expect(performance.now() - began).to.be.below(10_000);
  });

  it("stops while a connection is open on which nothing was ever sent", async () => {
    const app = await slowApp()();
    const { closed } = await connectRaw(Number(new URL(app.url).port));
    await Promise.all([app.stop(), closed]);
  }).timeout(5_000);

  it("stops at once if its connections are idle", async () => {
    const app = await slowApp()();
    await (await fetch(`${app.url}/nothing`)).text();
    const began = performance.now();
    await app.stop();
    expect(performance.now() - began).to.be.below(10_000);
  });

  it("sends clients to other processes while the lifecycle drains", async () => {
    const lifecycle = { draining: false };
    server = await slowApp()({ lifecycle });
    expect((await fetch(`${server.url}/slow`)).headers.get("connection")).to.equal("keep-alive");
    lifecycle.draining = true;
    expect((await fetch(`${server.url}/slow`)).headers.get("connection")).to.equal("close");
  });

  it("rejects if the port is in use", async () => {
    server = await slowApp()();
    const error = await startHttpServer(express(), {
      port: server.port,
      host: "127.0.0.1",
      publicUrl: publicAddress,
    }).catch((reason: unknown) => reason);
    expect(error).to.have.property("code", "EADDRINUSE");
  });

  describe("with invalid HTTP", () => {
    it("answers with a 400 problem and closes the connection", async () => {
      server = await slowApp()();
      const { socket, closed } = await connectRaw(server.port);
      socket.write("BANANA\r\n\r\n");
      const answer = await closed;
      expect(answer).to.match(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect(answer).to.include("Content-Type: application/problem+json\r\n");
      const { request_id, ...problem } = bodyOf(answer);
      expect(problem).to.include({ type: `${publicAddress}/problems/malformed-request`, status: 400 });
      expect(answer).to.include(`X-Request-ID: ${String(request_id)}\r\n`);
      expect(problem).to.include.keys("code", "detail").and.not.have.property("instance");
    });

    it("answers a broken body with the id and the path of its request", async () => {
      server = await startApp((router) => {
        router.post("/read", (req) => void req.resume());
      });
      const { socket, closed } = await connectRaw(server.port);
      const head = "POST /read?x=1 HTTP/1.1\r\nHost: x\r\nX-Request-ID: mine\r\nTransfer-Encoding: chunked\r\n\r\n";
      socket.write(`${head}no chunk\r\n\r\n`);
      expect(bodyOf(await closed)).to.include({ code: "malformed-request", instance: "/read", request_id: "mine" });
    });

    it("answers 431 to headers over 16 KiB", async () => {
      server = await slowApp()();
      const { socket, closed } = await connectRaw(server.port);
      socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${"a".repeat(17 * 1024)}\r\n\r\n`);
      expect(bodyOf(await closed)).to.include({ type: `${publicAddress}/problems/headers-too-large`, status: 431 });
    });

    it("answers 408 to headers that are not complete in time", async () => {
      server = await startApp(() => undefined, { headersTimeoutMs: 100, requestTimeoutMs: 200 });
      const { socket, closed } = await connectRaw(server.port);
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n");
      expect(bodyOf(await closed)).to.include({ type: `${publicAddress}/problems/request-timeout`, status: 408 });
    }).timeout(15_000);

    it("writes nothing into an answer that is already partly sent", async () => {
      server = await slowApp()();
      const { socket, received, closed } = await connectRaw(server.port);
      socket.write("GET /begun HTTP/1.1\r\nHost: x\r\n\r\n");
      while (!received().includes("begun")) await pause(5);
      socket.write("BANANA\r\n\r\n");
      expect(await closed).not.to.include("400 Bad Request");
    });
  });

  it("survives a client that disconnects in the middle, and records the request as 499", async () => {
    const app = await slowApp()();
    server = app;
    const client = request(`${app.url}/slow`).on("error", () => undefined);
    client.end();
    await pause(50);
    client.destroy();
    while (app.requests().length === 0) await pause(5);
    expect(app.requests()[0]).to.include({ status: 499, method: "GET" });
    expect((await fetch(`${app.url}/slow`)).status).to.equal(200);
  });
});
