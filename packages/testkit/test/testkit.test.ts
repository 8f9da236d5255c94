import { once } from "node:events";
import { connect, createServer } from "node:net";
import { expect } from "chai";
import { createConnection } from "mariadb";
import { createTestDatabase, eventually, freePort, startProxy, startService, uniquePrefix } from "@confab/testkit";

describe("createTestDatabase", () => {
  it("gives an empty utf8mb4 database of its own and drops it", async () => {
    const database = await createTestDatabase();
    const { hostname, port, username, password, pathname } = new URL(database.url);
    const server = { host: hostname, port: Number(port), user: username, password, allowPublicKeyRetrieval: true };
    const connection = await createConnection({ ...server, database: pathname.slice(1) });
    const rows = await connection.query<{ charset: string }[]>("SELECT @@character_set_database AS charset");
    expect(rows[0]?.charset).to.equal("utf8mb4");
    expect(await connection.query<unknown[]>("SHOW TABLES")).to.have.lengthOf(0);

    await database.drop();
    const names = await connection.query<unknown[]>("SHOW DATABASES LIKE ?", [pathname.slice(1)]);
    await connection.end();
    expect(names).to.have.lengthOf(0);
  });
});

describe("uniquePrefix", () => {
  it("is different each time and keeps to what Redis keys and index names can hold", () => {
    const prefixes = [uniquePrefix("Two Words_é"), uniquePrefix("Two Words_é"), uniquePrefix()];
    expect(new Set(prefixes)).to.have.lengthOf(3);
    for (const prefix of prefixes) expect(prefix).to.match(/^[a-z0-9-]+$/);
  });
});

describe("eventually", () => {
  it("gives the value of the first attempt that does not throw", async () => {
    let attempts = 0;
    const value = await eventually(() => {
      attempts += 1;
      if (attempts < 3) throw new Error("not yet");
      return attempts;
    });
    expect(value).to.equal(3);
  });

  it("throws the last error when the time is over", async () => {
    const error = await eventually(() => Promise.reject(new Error("never")), { timeoutMs: 60 }).catch(
      (e: unknown) => e,
    );
    expect(error).to.be.an("error").with.property("message", "never");
  });
});

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

  it("ends connections and refuses new ones when it is cut, and takes them again on the same port", async () => {
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

  it("lets nothing pass while it is paused, and all of it afterwards", async () => {
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
    await eventually(() => {
      expect(received).to.have.lengthOf("one two ".length);
    });
    await proxy.close();
  });

  it("freezes connections without a word, those of now or those that name something, and lets new ones through", async () => {
    const proxy = await startProxy({ target });
    const heard = new Map<string, string>();
    const dialAs = async (name: string) => {
      const socket = await dial(proxy.port);
      socket.on("data", (bytes: Buffer) => heard.set(name, (heard.get(name) ?? "") + bytes.toString()));
      for (const event of ["end", "close"]) socket.on(event, () => heard.set(name, `${name} was told`));
      socket.write(name);
      return socket;
    };
    const echoes = (name: string) =>
      eventually(() => {
        expect(heard.get(name)).to.equal(name);
      });
    const old = await dialAs("old");
    await echoes("old");
    proxy.freeze();
    old.write(" again");
    await dialAs("new");
    await echoes("new");
    expect(heard.get("old")).to.equal("old");

    proxy.freeze("doomed");
    await dialAs("doomed");
    await dialAs("other");
    await echoes("other");
    expect(heard.has("doomed")).to.equal(false);
    proxy.thaw();
    await dialAs("doomed");
    await echoes("doomed");
    await proxy.close();
  });
});

describe("startService", function () {
  this.timeout(60_000);

  it("runs a service until it is ready, reads its log, and gives its exit code when it is stopped", async () => {
    const service = await startService("ingest", { LOG_LEVEL: "info" });
    expect((await fetch(`${service.adminUrl}/livez`)).status).to.equal(200);
    expect((await fetch(`${service.url}/nowhere`)).status).to.equal(404);
    await service.stop();
    expect(await service.exit).to.equal(0);
    expect(service.logs().every(({ service: name }) => name === "ingest")).to.equal(true);
    expect(service.logs().at(-1)).to.include({ message: "stopped" });
  });

  it("gives no exit code when the service is killed", async () => {
    const service = await startService("ingest");
    await service.kill();
    expect(await service.exit).to.equal(null);
  });

  it("says what the service logged when it does not start", async () => {
    const error = await startService("ingest", { PORT: "no port" }).catch((e: unknown) => e);
    expect(error).to.be.an("error");
    expect(String(error)).to.match(/ingest did not become ready[^]*PORT/);
  });
});
