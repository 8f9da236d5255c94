import { routes } from "@confab/contracts";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { mount, type HttpServerOptions } from "../src/index.ts";
import { someToken, options as unlimited, startApp, type TestApp } from "./start-app.ts";

const mebibyte = 1024 * 1024;
/** Size of an answer that does not fit into the kernel buffers of both sides. */
const answerBytes = 24 * mebibyte;
const path = `/applications/${someToken}`;
const list = `${path}/chats`;

describe("clients that do not read", () => {
  let app: TestApp;
  let sockets: Socket[];
  let handled: number;
  beforeEach(() => {
    sockets = [];
    handled = 0;
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await app.stop();
  });

  async function start(options: Partial<HttpServerOptions>): Promise<void> {
    const name = "x".repeat(answerBytes);
    app = await startApp((router) => {
      mount(
        router,
        routes.listChats,
        () => {
          handled += 1;
          return { body: [{ name }] as never };
        },
        unlimited,
      );
      mount(router, routes.getApplication, () => ({ body: { name: "short" } as never }), unlimited);
      mount(router, routes.updateApplication, () => ({ body: { name } as never }), unlimited);
    }, options);
  }
  /** Sends a request and reads nothing of the answer. `rest` reads it and returns its number of bytes. */
  function ask(): { rest: () => Promise<number> } {
    const socket = connect(app.port, "127.0.0.1").pause();
    sockets.push(socket);
    let bytes = 0;
    socket.on("error", () => undefined).on("data", (chunk: Buffer) => (bytes += chunk.length));
    socket.pause().write(`GET ${list} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    return {
      rest: async () => {
        socket.resume();
        if (!socket.closed) await once(socket, "close");
        return bytes;
      },
    };
  }
  /** Returns the statuses of all answers so far. */
  const ended = (): unknown[] => app.requests().map(({ status }) => status);
  const statusOf = async (path = list): Promise<number> => {
    const response = await fetch(app.url + path);
    await response.arrayBuffer();
    return response.status;
  };

  it("are disconnected when they have read nothing for a while, but not if they keep reading slowly", async () => {
    await start({ stallTimeoutMs: 1_500 });
    const mute = ask();
    const slow = connect(app.port, "127.0.0.1").pause();
    sockets.push(slow);
    let taken = 0;
    slow.on("error", () => undefined).on("data", (bytes: Buffer) => (taken += bytes.length));
    slow.pause().write(`GET ${list} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const sips = setInterval(() => {
      if (taken > answerBytes - 8 * mebibyte) return;
      slow.resume();
      slow.once("data", () => slow.pause());
    }, 5);
    await eventually(() => expect(ended()).to.have.length(1));
    expect(await mute.rest()).to.be.below(answerBytes);
    expect(taken).to.be.below(answerBytes);
    clearInterval(sips);
    slow.resume();
    await eventually(() => expect(taken).to.be.above(answerBytes));
  });

  it("use limited memory: further requests are refused at once, then the oldest are disconnected", async () => {
    await start({ unsent: { maxBytes: 3 * answerBytes + 1_000, timeoutMs: 4_000 } });
    const oldest = ask();
    await pause(200);
    const others = [ask(), ask()];
    await pause(500);
    for (let more = 0; more < 3; more += 1) expect(await statusOf()).to.equal(503);
    expect(handled, "they cost nothing").to.equal(3);
    expect((await fetch(app.url + path)).status, "small answers need no room").to.equal(200);
    await pause(4_000);
    expect(await statusOf()).to.equal(200);
    expect(await oldest.rest()).to.be.below(answerBytes);
    for (const other of others) expect(await other.rest()).to.be.above(answerBytes);
  });

  it("lose their oldest answer as soon as another application needs room", async () => {
    await start({ unsent: { maxBytes: 3 * answerBytes + 1_000, timeoutMs: 60_000 } });
    const oldest = ask();
    await eventually(() => expect(handled).to.equal(1));
    const others = [ask(), ask()];
    await eventually(() => expect(handled).to.equal(3));
    expect(await statusOf()).to.equal(503);
    expect(await statusOf(`/applications/${randomUUID()}/chats`)).to.equal(200);
    expect(await oldest.rest()).to.be.below(answerBytes);
    for (const other of others) expect(await other.rest()).to.be.above(answerBytes);
  });

  it("still get the answer to a finished write, because it can no longer be refused", async () => {
    await start({ unsent: { maxBytes: answerBytes, timeoutMs: 60_000 } });
    ask();
    await pause(100);
    const response = await fetch(app.url + path, {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: '{"name":"x"}',
    });
    expect(response.status).to.equal(200);
    expect((await response.arrayBuffer()).byteLength).to.be.above(answerBytes);
  });
});
