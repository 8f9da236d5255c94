import { expect } from "chai";
import { createConnection } from "mariadb";
import { createTestDatabase, eventually, startService, uniquePrefix } from "@confab/testkit";

describe("createTestDatabase", () => {
  it("creates an empty utf8mb4 database and drops it", async () => {
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
  it("is different each time and valid in Redis keys and index names", () => {
    const prefixes = [uniquePrefix("Two Words_é"), uniquePrefix("Two Words_é"), uniquePrefix()];
    expect(new Set(prefixes)).to.have.lengthOf(3);
    for (const prefix of prefixes) expect(prefix).to.match(/^[a-z0-9-]+$/);
  });
});

describe("eventually", () => {
  it("resolves with the value of the first attempt that does not throw", async () => {
    let attempts = 0;
    const value = await eventually(() => {
      attempts += 1;
      if (attempts < 3) throw new Error("not yet");
      return attempts;
    });
    expect(value).to.equal(3);
  });

  it("throws the last error after the timeout", async () => {
    const error = await eventually(() => Promise.reject(new Error("never")), { timeoutMs: 60 }).catch(
      (e: unknown) => e,
    );
    expect(error).to.be.an("error").with.property("message", "never");
  });
});

describe("startService", function () {
  this.timeout(60_000);

  it("starts a service, reads its log and returns its exit code when it stops", async () => {
    const service = await startService("ingest", { LOG_LEVEL: "info" });
    expect((await fetch(`${service.adminUrl}/livez`)).status).to.equal(200);
    expect((await fetch(`${service.url}/nowhere`)).status).to.equal(404);
    await service.stop();
    expect(await service.exit).to.equal(0);
    expect(service.logs().every(({ service: name }) => name === "ingest")).to.equal(true);
    expect(service.logs().at(-1)).to.include({ message: "stopped" });
  });

  it("returns no exit code when the service is killed", async () => {
    const service = await startService("ingest");
    await service.kill();
    expect(await service.exit).to.equal(null);
  });

  it("includes the service's log in the error when it does not start", async () => {
    const error = await startService("ingest", { PORT: "no port" }).catch((e: unknown) => e);
    expect(error).to.be.an("error");
    expect(String(error)).to.match(/ingest did not become ready[^]*PORT/);
  });
});
