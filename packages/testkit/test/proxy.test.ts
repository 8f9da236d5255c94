import { once } from "node:events";
import { connect, createServer } from "node:net";
import { expect } from "chai";
import { eventually, freePort, startProxy, type Proxy } from "@confab/testkit";

describe("startProxy", () => {
  const echo = createServer((socket) => socket.pipe(socket).on("error", () => undefined));
  let target = "";

  before(async () => {
    echo.listen(await freePort(), "127.0.0.1");
    await once(echo, "listening");
    const address = echo.address();
    target = `tcp://127.0.0.1:${typeof address === "object" ? String(address?.port) : ""}`;
  });

  after(() => echo.close());

  const dial = async (port: number) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  };

  it("passes bytes both ways", async () => {
    const proxy = await startProxy({ target });
    const socket = await dial(proxy.port);
    socket.write("hello");
    expect(String((await once(socket, "data"))[0])).to.equal("hello");
    await proxy.close();
  });

  it("ends connections and refuses new ones while it is cut, and accepts them again on the same port", async () => {
    const proxy = await startProxy({ target });
    const socket = await dial(proxy.port);
    const closed = new Promise((resolve) => socket.on("close", resolve));
    await proxy.cut();
    await closed;
    const refused = await dial(proxy.port).catch((error: unknown) => error);
    expect(refused).to.have.property("code", "ECONNREFUSED");

    await proxy.restore();
    (await dial(proxy.port)).destroy();
    await proxy.close();
  });

  it("passes nothing while it is paused, and everything afterwards", async () => {
    const proxy = await startProxy({ target });
    const socket = await dial(proxy.port);
    let received = "";
    socket.on("data", (bytes: Buffer) => (received += bytes.toString()));
    proxy.pause();
    socket.write("one ");
    const late = await dial(proxy.port);
    late.on("data", (bytes: Buffer) => (received += bytes.toString()));
    late.write("two ");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(received).to.equal("");

    proxy.resume();
    await eventually(() => expect(received).to.have.lengthOf("one two ".length));
    await proxy.close();
  });

  it("freezes existing connections or those that send a text, without closing them, and passes new ones", async () => {
    const proxy = await startProxy({ target });
    const received = new Map<string, string>();
    const dialAs = async (name: string) => {
      const socket = await dial(proxy.port);
      socket.on("data", (bytes: Buffer) => received.set(name, (received.get(name) ?? "") + bytes.toString()));
      for (const event of ["end", "close"]) socket.on(event, () => received.set(name, `${name} was closed`));
      socket.write(name);
      return socket;
    };
    const echoes = (name: string) => eventually(() => expect(received.get(name)).to.equal(name));
    const old = await dialAs("old");
    await echoes("old");
    proxy.freeze();
    old.write(" again");
    await dialAs("new");
    await echoes("new");
    expect(received.get("old")).to.equal("old");

    proxy.freeze("doomed");
    await dialAs("doomed");
    await dialAs("other");
    await echoes("other");
    expect(received.has("doomed")).to.equal(false);
    proxy.thaw();
    await dialAs("doomed");
    await echoes("doomed");
    await proxy.close();
  });
});

describe("startProxy with faults of single connections and requests", () => {
  /** Lines that the server has received. It answers each of them with `done <line>`. */
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.on("data", (bytes: Buffer) => {
      asked.push(bytes.toString());
      socket.write(`done ${bytes.toString()}`);
    });
    socket.on("error", () => undefined);
  });
  let proxy: Proxy;

  beforeEach(async () => {
    asked.length = 0;
    if (!server.listening) {
      server.listen(await freePort(), "127.0.0.1");
      await once(server, "listening");
    }
    const address = server.address();
    proxy = await startProxy({ target: `tcp://127.0.0.1:${typeof address === "object" ? String(address?.port) : ""}` });
  });
  afterEach(() => proxy.close());
  after(() => server.close());

  const dial = async () => {
    const socket = connect(proxy.port, "127.0.0.1");
    const seen = { socket, text: "", end: "" };
    socket.on("data", (bytes: Buffer) => (seen.text += bytes.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => (seen.end = error.code ?? "error"));
    socket.on("close", () => (seen.end ||= "closed"));
    await once(socket, "connect");
    return seen;
  };
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  it("pauses only one direction", async () => {
    const client = await dial();
    proxy.pause("answers");
    client.socket.write("one");
    await eventually(() => expect(asked).to.deep.equal(["one"]));
    await pause(50);
    expect(client.text).to.equal("");
    proxy.resume();
    await eventually(() => expect(client.text).to.equal("done one"));
    client.socket.destroy();
  });

  it("delays bytes and keeps their order", async () => {
    const client = await dial();
    proxy.delay(60);
    const began = performance.now();
    client.socket.write("one");
    await pause(5);
    proxy.delay(0);
    client.socket.write("two");
    await eventually(() => expect(client.text).to.match(/^done one(done )?two$/));
    expect(performance.now() - began).to.be.at.least(59);
    client.socket.destroy();
  });

  it("resets a connection before a request arrives or after it was executed", async () => {
    const before = await dial();
    const never = proxy.intercept("one", "reset-before");
    before.socket.write("one");
    await never.happened;
    await eventually(() => expect(before.end).to.equal("ECONNRESET"));
    expect(asked).to.deep.equal([]);

    const after = await dial();
    const lost = proxy.intercept("two", "reset-after");
    // The request is sent in two chunks, like a long request.
    after.socket.setNoDelay(true).write("t");
    await eventually(() => expect(after.text).to.equal("done t"));
    after.socket.write("wo");
    await lost.happened;
    await eventually(() => expect(after.end).to.equal("ECONNRESET"));
    expect(asked).to.deep.equal(["t", "wo"]);
    expect(after.text).to.equal("done t");
  });

  it("drops an answer and leaves the connection open but dead", async () => {
    const client = await dial();
    const dropped = proxy.intercept("one", "drop-answer");
    client.socket.write("one");
    await dropped.happened;
    client.socket.write("two");
    await pause(50);
    expect(asked).to.deep.equal(["one"]);
    expect(client).to.include({ text: "", end: "" });
    client.socket.destroy();
  });

  it("holds an answer or a request until the interception ends", async () => {
    const client = await dial();
    const answer = proxy.intercept("one", "hold-answer");
    client.socket.write("one");
    await answer.happened;
    expect(asked).to.deep.equal(["one"]);
    expect(client.text).to.equal("");
    answer.end();
    await eventually(() => expect(client.text).to.equal("done one"));
    const request = proxy.intercept("two", "hold-request");
    client.socket.write("two");
    await request.happened;
    await pause(30);
    expect(asked).to.deep.equal(["one"]);
    request.end();
    await eventually(() => expect(client.text).to.equal("done onedone two"));
    client.socket.destroy();
  });

  it("never delivers a held request whose sender has died", async () => {
    const client = await dial();
    const held = proxy.intercept("one", "hold-request");
    client.socket.write("one");
    await held.happened;
    client.socket.destroy();
    await pause(30);
    held.end();
    await pause(30);
    expect(asked).to.deep.equal([]);
  });

  it("connects to another server after it is retargeted", async () => {
    const other = createServer((socket) => socket.end("other")).listen(await freePort(), "127.0.0.1");
    await once(other, "listening");
    const old = await dial();
    const address = other.address();
    proxy.retarget(`tcp://127.0.0.1:${typeof address === "object" ? String(address?.port) : ""}`);
    await eventually(() => expect(old.end).to.equal("ECONNRESET"));
    const moved = await dial();
    await eventually(() => expect(moved.text).to.equal("other"));
    other.close();
  });
});
