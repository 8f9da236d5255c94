import { useForAll } from "@confab/testkit";
import { routes } from "@confab/contracts";
import { expect } from "chai";
import { setTimeout as pause } from "node:timers/promises";
import { mount } from "../src/index.ts";
import { bodyOf, connectRaw } from "./raw.ts";
import { publicAddress, someToken, options, problemOf, startApp, type TestApp } from "./start-app.ts";

const at = "2026-01-01T00:00:00.000Z";

describe("invalid HTTP", () => {
  const app = useForAll(() =>
    startApp((router) => {
      mount(router, routes.listChats, () => ({ body: [], link: { next: { after: 1 } } }), options);
      mount(
        router,
        routes.updateApplication,
        ({ body: { name = "" } }) => ({
          body: { token: someToken, name, chats_count: 0, retention_days: null, created_at: at, updated_at: at },
        }),
        options,
      );
    }),
  );

  /** Sends a raw request and returns the answer once the connection is closed. */
  async function answerTo(...lines: string[]): Promise<string> {
    const { socket, closed } = await connectRaw(app.port);
    socket.write(lines.join("\r\n"));
    return closed;
  }
  const path = `/applications/${someToken}`;
  const close = "Connection: close";
  const patch = [`PATCH ${path} HTTP/1.1`, "Host: x", "Content-Type: application/json"];

  it("gets 501 for unsupported transfer codings", async () => {
    for (const coding of ["gzip, chunked", "identity, chunked", "chunked, chunked"]) {
      const answer = await answerTo(...patch, `Transfer-Encoding: ${coding}`, "", "2", "{}", "0", "", "");
      // Node's parser refuses some codings with 400.
      expect(answer, coding).to.match(/^HTTP\/1\.1 (501|400) /);
      expect(bodyOf(answer).type).to.be.oneOf(
        ["unknown-transfer-encoding", "malformed-request"].map((code) => `${publicAddress}/problems/${code}`),
      );
    }
    expect(await answerTo(...patch, "Transfer-Encoding: gzip, chunked", "", "2", "{}", "0", "", "")).to.match(
      /^HTTP\/1\.1 501 /,
    );
  });

  it("gets a 417 problem for an unknown expectation", async () => {
    const answer = await answerTo(...patch, close, "Expect: 200-ok", "Content-Length: 12", "", '{"name":"x"}');
    expect(answer).to.match(/^HTTP\/1\.1 417 /);
    expect(bodyOf(answer)).to.include({ type: `${publicAddress}/problems/expectation-failed`, status: 417 });
  });

  it("gets 100 Continue only if the body will be read", async () => {
    const expecting = (length: number): string[] => [
      ...patch,
      close,
      "Expect: 100-continue",
      `Content-Length: ${length}`,
    ];
    const refused = await answerTo(...expecting(9_000_000), "", "");
    expect(refused).to.match(/^HTTP\/1\.1 413 /);
    const { socket, received, closed } = await connectRaw(app.port);
    socket.write([...expecting(12), "", ""].join("\r\n"));
    while (!received().includes("100 Continue")) await pause(5);
    socket.write('{"name":"x"}');
    expect(await closed).to.match(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  });

  it("gets 400 for two hosts and for a different HTTP version", async () => {
    for (const lines of [
      [`GET ${path}/chats HTTP/1.1`, "Host: a", "Host: b", close],
      [`GET ${path}/chats HTTP/2.0`, "Host: a", close],
    ]) {
      const answer = await answerTo(...lines, "", "");
      expect(answer).to.match(/^HTTP\/1\.1 400 /);
      expect(bodyOf(answer).type).to.equal(`${publicAddress}/problems/malformed-request`);
    }
  });

  it("is routed only by the path of a target in absolute form", async () => {
    const target = "http://evil.example";
    const listed = await answerTo(`GET ${target}${path}/chats?limit=1 HTTP/1.1`, "Host: evil.example", close, "", "");
    expect(listed).to.match(/^HTTP\/1\.1 200 /);
    expect(listed).to.include(`Link: <${path}/chats?limit=1&after=1>`);
    const missing = await answerTo(`GET ${target}/nowhere?x HTTP/1.1`, "Host: evil.example", close, "", "");
    expect(bodyOf(missing).instance).to.equal("/nowhere");
    for (const answer of [listed, missing]) expect(answer).to.not.include("evil");
  });

  it("gets an answer before a body that ends in the middle of a chunk", async () => {
    const { socket, closed } = await connectRaw(app.port);
    socket.write("POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n\r\n");
    const answer = await closed;
    expect(answer).to.match(/^HTTP\/1\.1 40[04] /);
    expect(bodyOf(answer)).to.have.property("status");
  });

  it("answers OPTIONS with the methods of a path", async () => {
    const known = await fetch(app.url + path, { method: "OPTIONS" });
    expect([known.status, known.headers.get("allow"), await known.text()]).to.deep.equal([
      204,
      "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
      "",
    ]);
    expect((await fetch(`${app.url}/nowhere`, { method: "OPTIONS" })).status).to.equal(404);
  });

  it("answers a request for its own version with that version, and refuses every other one", async () => {
    const ask = (version: string) => fetch(`${app.url}${path}/chats`, { headers: { "confab-version": version } });
    const known = await ask("1");
    expect([known.status, known.headers.get("confab-version")]).to.deep.equal([200, "1"]);
    for (const version of ["2", "", "2026-11-25"]) {
      const { status, headers, problem } = await problemOf(await ask(version));
      expect([status, problem.code, headers.get("confab-version")]).to.deep.equal([400, "unknown-version", "1"]);
    }
    expect((await fetch(`${app.url}${path}/chats`)).headers.get("confab-version")).to.equal(null);
  });

  it("keeps browsers from guessing the type of any answer", async () => {
    for (const target of [`${path}/chats`, "/nowhere"]) {
      expect((await fetch(app.url + target)).headers.get("x-content-type-options")).to.equal("nosniff");
    }
    expect(await answerTo("BANANA", "", "")).to.include("X-Content-Type-Options: nosniff\r\n");
  });

  it("lets no cache keep an answer", async () => {
    const answer = await fetch(`${app.url}${path}/chats`);
    expect(answer.headers.get("cache-control")).to.equal("private, no-store");
  });
});

describe("a Host header", () => {
  let app: TestApp;
  afterEach(() => app.stop());
  const start = async (host: string) => {
    app = await startApp((router) => router.get("/here", (_req, res) => void res.end()), { host });
  };

  async function statusFor(host: string, version = "1.1"): Promise<string> {
    const { socket, closed } = await connectRaw(app.port);
    socket.write(`GET /here HTTP/${version}\r\n${host}Connection: close\r\n\r\n`);
    return (await closed).slice(9, 12);
  }

  it("names this machine or the public URL if the service listens on a loopback address", async () => {
    await start("127.0.0.1");
    const own = [`127.0.0.1:${app.port}`, `localhost:${app.port}`, "LOCALHOST", "[::1]:8080", "192.168.1.7"];
    for (const host of [...own, "chat.example", "Chat.Example:8443"]) {
      expect(await statusFor(`Host: ${host}\r\n`), host).to.equal("200");
      expect(await statusFor("Host: evil.example\r\n"), `after ${host}`).to.equal("421");
    }
    for (const host of ["localhost.evil.example", "127.0.0.1.evil.example", "evil-chat.example", "localhost@evil"]) {
      expect(await statusFor(`Host: ${host}\r\n`), host).to.equal("421");
    }
    expect(await statusFor("", "1.0")).to.equal("421");
    const { socket, closed } = await connectRaw(app.port);
    socket.write("GET /here HTTP/1.1\r\nHost: evil.example:8082\r\nConnection: close\r\n\r\n");
    expect(bodyOf(await closed)).to.include({ code: "misdirected-request", status: 421 });
  });

  it("may be any name if other machines reach the service", async () => {
    await start("0.0.0.0");
    for (const host of ["evil.example", "confab-api.chat.svc", "10.0.0.1"]) {
      expect(await statusFor(`Host: ${host}\r\n`), host).to.equal("200");
    }
  });
});
