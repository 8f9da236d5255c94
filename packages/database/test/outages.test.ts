import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { eventually, startProxy, useForAll } from "@confab/testkit";
import {
  createApplications,
  createDatabase,
  isRefusal,
  isTransient,
  isUnavailable,
  reasonOf,
  type Database,
} from "@confab/database";
import { openTestDatabase, rejection } from "./setup.ts";

const pingFixture = join(import.meta.dirname, "fixtures/ping.ts");

/** Every kind of call, because each one uses the pool differently. */
const calls: Record<string, (database: Database) => Promise<unknown>> = {
  "a query of the client": ({ prisma }) => prisma.application.findFirst(),
  "a raw query": ({ prisma }) => prisma.$queryRaw`SELECT 1`,
  "a transaction": ({ prisma }) => prisma.$transaction((tx) => tx.$queryRaw`SELECT 1`),
  "a repository": (database) => createApplications(database).list({ limit: 1 }),
  "a ping": (database) => database.ping(),
};

async function expectQuickFailure(database: Database, name: string): Promise<void> {
  const started = performance.now();
  const error = await rejection(calls[name]!(database));
  expect(performance.now() - started, name).to.be.lessThan(10_000);
  expect(isUnavailable(error), `${name}: ${String(error)}`).to.equal(true);
  expect(isTransient(error)).to.equal(false);
  expect(isRefusal(error)).to.equal(false);
}

describe("an unavailable database", () => {
  const test = useForAll(openTestDatabase);

  it("fails every call within about a second while connections are refused, and recovers soon after", async () => {
    const proxy = await startProxy({ target: test.url });
    const database = createDatabase({ url: proxy.url });
    await database.ping();
    await proxy.cut();
    for (const name of Object.keys(calls)) await expectQuickFailure(database, name);
    await proxy.restore();
    const back = performance.now();
    await eventually(() => database.ping());
    expect(performance.now() - back).to.be.lessThan(10_000);
    await database.close();
    await proxy.close();
  });

  it("fails every call within about a second while the server accepts and never answers", async () => {
    const proxy = await startProxy({ target: test.url });
    const database = createDatabase({ url: proxy.url });
    await database.ping();
    // Waits for longer than the pool uses an idle session without a check.
    await sleep(600);
    proxy.pause();
    for (const name of Object.keys(calls)) await expectQuickFailure(database, name);
    proxy.resume();
    await eventually(() => database.ping());
    await database.close();
    await proxy.close();
  });

  it("gives up a statement that the server never answers, and frees its session", async () => {
    const proxy = await startProxy({ target: test.url });
    const database = createDatabase({ url: proxy.url, answerTimeoutMs: 700, poolSize: 1 });
    await database.ping();
    const slow = rejection(database.prisma.$queryRaw`SELECT SLEEP(30)`);
    await sleep(50);
    proxy.pause();
    expect(isUnavailable(await slow)).to.equal(true);
    proxy.resume();
    await eventually(() => database.ping());
    await database.close();
    await proxy.close();
  });

  it("starts while the server is unavailable, and works once it is available", async () => {
    const proxy = await startProxy({ target: test.url });
    await proxy.cut();
    const database = createDatabase({ url: proxy.url });
    expect(isUnavailable(await rejection(database.ping()))).to.equal(true);
    await proxy.restore();
    await eventually(() => database.ping());
    await database.close();
    await proxy.close();
  });

  it("closes without hanging while the server is unavailable", async () => {
    const closedPort = createServer().listen(0, "127.0.0.1");
    await once(closedPort, "listening");
    const { port } = closedPort.address() as AddressInfo;
    closedPort.close();
    const database = createDatabase({ url: `mariadb://app:app@127.0.0.1:${port}/none` });
    const started = performance.now();
    await database.close();
    expect(performance.now() - started).to.be.lessThan(10_000);
  });

  it("does not end the process when it goes silent during the setup of a session, unlike our own rejections", async () => {
    const { port: target, hostname } = new URL(test.url);
    const between = createServer((socket) => {
      const upstream = connect(Number(target || 3306), hostname);
      let held = false;
      socket.on("data", (bytes) => {
        held ||= bytes.includes("SET SESSION sql_mode");
        if (!held) upstream.write(bytes);
      });
      upstream.on("data", (bytes) => socket.write(bytes));
      for (const end of [socket, upstream]) end.on("error", () => undefined);
      socket.on("close", () => upstream.destroy());
    }).listen(0, "127.0.0.1");
    await once(between, "listening");
    const url = new URL(test.url);
    url.host = `127.0.0.1:${(between.address() as AddressInfo).port}`;
    const run = async (...args: string[]): Promise<unknown[]> => {
      const child = spawn(process.execPath, ["--conditions=@confab/source", pingFixture, ...args], {
        env: { PATH: process.env.PATH, DATABASE_URL: url.href },
        stdio: ["ignore", "pipe", "ignore"],
      });
      const [said, closed] = await Promise.all([text(child.stdout), once(child, "close")]);
      return [said, ...(closed as unknown[]).slice(0, 1)];
    };
    try {
      expect(await run()).to.deep.equal(["unavailable", null]);
      expect(await run("reject")).to.deep.equal(["unavailable", 1]);
    } finally {
      between.close();
    }
  });

  it("installs no handler for the whole process", async () => {
    const handlers = (): number => process.listenerCount("unhandledRejection");
    const before = handlers();
    const database = createDatabase({ url: test.url });
    await database.ping();
    expect(handlers()).to.equal(before);
    await database.close();
  });

  it("reports an exhausted pool after the time to acquire a session", async () => {
    const database = createDatabase({ url: test.url, poolSize: 1, acquireTimeoutMs: 200 });
    const error = await database.prisma.$transaction(() => rejection(database.prisma.$queryRaw`SELECT 1`));
    expect(isUnavailable(error)).to.equal(true);
    await database.close();
  });
});

describe("the database", () => {
  const run = (sql: string) => rejection(test.database.prisma.$executeRawUnsafe(sql));
  const test = useForAll(openTestDatabase);
  before(async () => {
    await test.database.prisma.$executeRawUnsafe(
      "CREATE TABLE t (id INT PRIMARY KEY, word VARCHAR(5) NOT NULL, at DATETIME(3), CONSTRAINT positive CHECK (id > 0))",
    );
    await test.database.prisma.$executeRawUnsafe("INSERT INTO t (id, word) VALUES (1, 'one'), (2, 'two')");
  });

  const refusals = {
    "a text that is too long": "INSERT INTO t (id, word) VALUES (3, 'longer than five')",
    "a missing value": "INSERT INTO t (id, word) VALUES (3, NULL)",
    "a number out of range": "INSERT INTO t (id, word) VALUES (99999999999, 'x')",
    "a word for a number": "INSERT INTO t (id, word) VALUES ('three', 'x')",
    "bytes that are not text": "INSERT INTO t (id, word) VALUES (3, x'ff')",
    "a date that does not exist": "INSERT INTO t (id, word, at) VALUES (3, 'x', '2026-02-30 00:00:00')",
    "a failed check": "INSERT INTO t (id, word) VALUES (-1, 'x')",
    "a signal of a trigger's kind": "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not here'",
  };
  for (const [what, sql] of Object.entries(refusals)) {
    it(`reports a refusal of the row for ${what}`, async () => {
      const error = await run(sql);
      expect(isRefusal(error), String(error)).to.equal(true);
      expect(isUnavailable(error)).to.equal(false);
      expect(isTransient(error)).to.equal(false);
      expect(reasonOf(error)).not.to.contain("prisma");
    });
  }

  it("reports none of the three for a duplicate key and for a wrong statement", async () => {
    for (const sql of ["INSERT INTO t (id, word) VALUES (1, 'x')", "SELEC 1", "SELECT * FROM nowhere"]) {
      const error = await run(sql);
      expect([isRefusal(error), isUnavailable(error), isTransient(error)], sql).to.deep.equal([false, false, false]);
    }
  });

  it("reports a transient error for a deadlock and for a lock wait timeout", async () => {
    const { prisma } = test.database;
    let waits = 0;
    const both = Promise.withResolvers<undefined>();
    const crossing = [1, 2].map((id) =>
      prisma.$transaction(async (tx) => {
        await tx.$executeRaw`UPDATE t SET word = 'a' WHERE id = ${id}`;
        if (++waits === 2) both.resolve(undefined);
        await both.promise;
        await tx.$executeRaw`UPDATE t SET word = 'b' WHERE id = ${3 - id}`;
      }),
    );
    const failed = (await Promise.allSettled(crossing)).filter((outcome) => outcome.status === "rejected");
    expect(failed).to.have.lengthOf(1);
    expect(isTransient(failed[0]?.reason)).to.equal(true);

    const late = await prisma.$transaction(async (tx) => {
      await tx.$executeRaw`UPDATE t SET word = 'a' WHERE id = 1`;
      return rejection(
        prisma.$transaction(async (other) => {
          await other.$executeRaw`SET SESSION innodb_lock_wait_timeout = 1`;
          await other.$executeRaw`UPDATE t SET word = 'b' WHERE id = 1`;
        }),
      );
    });
    expect(isTransient(late)).to.equal(true);
    expect(isUnavailable(late)).to.equal(false);
  });

  it("is unavailable when the server kills the session during a statement or refuses to write", async () => {
    const { prisma } = test.database;
    const killed = rejection(
      prisma.$transaction(async (tx) => {
        const [{ id }] = await tx.$queryRaw<[{ id: bigint }]>`SELECT CONNECTION_ID() AS id`;
        const killing = sleep(50).then(() => prisma.$executeRawUnsafe(`KILL ${id.toString()}`));
        await tx.$queryRaw`SELECT SLEEP(5)`.finally(() => killing);
      }),
    );
    expect(isUnavailable(await killed)).to.equal(true);
    const readOnly = await rejection(
      prisma.$transaction(async (tx) => {
        await tx.$executeRaw`COMMIT`;
        await tx.$executeRaw`START TRANSACTION READ ONLY`;
        await tx.$executeRaw`UPDATE t SET word = 'c' WHERE id = 1`;
      }),
    );
    expect(isUnavailable(readOnly), String(readOnly)).to.equal(true);
  });

  it("uses strict sessions in UTC with READ COMMITTED, and stores times to the millisecond", async () => {
    const at = new Date("2026-03-29T01:30:00.123Z");
    await test.database.prisma.$executeRaw`UPDATE t SET at = ${at} WHERE id = 1`;
    const [row] = await test.database.prisma.$queryRaw<[{ at: Date; text: string; zone: string; mode: string }]>`
      SELECT at, CAST(at AS CHAR) AS text, @@session.time_zone AS zone, @@session.sql_mode AS mode FROM t WHERE id = 1`;
    expect(row.at).to.deep.equal(at);
    expect(row).to.include({ text: "2026-03-29 01:30:00.123", zone: "+00:00" });
    expect(row.mode).to.contain("STRICT_TRANS_TABLES");
    expect(await isolationOf(test.database)).to.equal("READ-COMMITTED");
  });

  it("ends the session of a vanished client soon after the client's own timeout", async () => {
    const database = createDatabase({ url: test.url, answerTimeoutMs: 12_000 });
    const [row] = await database.prisma.$queryRaw<[{ seconds: bigint }]>`SELECT @@session.wait_timeout AS seconds`;
    expect(Number(row.seconds)).to.equal(15);
    await database.close();
  });
});

/** Reads the isolation level, whose variable has different names in MySQL and MariaDB. */
async function isolationOf({ prisma }: Database): Promise<string> {
  const names = "('transaction_isolation', 'tx_isolation')";
  const rows = await prisma.$queryRawUnsafe<{ Value: string }[]>(
    `SHOW SESSION VARIABLES WHERE Variable_name IN ${names}`,
  );
  return rows[0]!.Value;
}
