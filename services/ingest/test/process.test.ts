import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  configurationErrorsOf,
  createTestDatabase,
  describeLostSessions,
  describeShutdown,
  eventually,
  freePort,
  inherited,
  startProxy,
  startService,
  testStores,
  uniquePrefix,
  useForAll,
} from "@confab/testkit";
import { expect } from "chai";
import { openWorld, type Chat } from "./start.ts";

describe("the ingest process", () => {
  const world = useForAll(openWorld);
  const chat = useForAll(() => world.newChat());

  describeShutdown(
    () => startService("ingest", { DATABASE_URL: world.url, REDIS_KEY_PREFIX: uniquePrefix("ingest") }),
    {
      path: "/messages",
      body: () => ({ application_token: chat.token, chat_number: chat.number, body: "Hello" }),
      answer: { number: 1, body: "Hello" },
    },
  );

  describeLostSessions(
    () => world.url,
    (url) => startService("ingest", { DATABASE_URL: url, REDIS_KEY_PREFIX: uniquePrefix("ingest") }),
  );

  it("waits for a Redis that starts late, is alive but not ready until then, and logs why it waits", async () => {
    const redis = await startProxy({ target: testStores().redisUrl });
    await redis.cut();
    const adminPort = String(await freePort());
    const starting = startService("ingest", {
      DATABASE_URL: world.url,
      REDIS_KEY_PREFIX: uniquePrefix("ingest"),
      REDIS_URL: redis.url,
      ADMIN_PORT: adminPort,
    });
    const ask = (path: string) => fetch(`http://127.0.0.1:${adminPort}${path}`);
    await eventually(async () => expect((await ask("/livez")).status).to.equal(200));
    await eventually(async () => {
      const readiness = await ask("/readyz");
      expect(readiness.status).to.equal(503);
      expect(await readiness.text()).to.match(/"redis":\{"ok":false.*no connection to Redis: connect ECONNREFUSED/);
    });
    await pause(2_500);
    await redis.restore();
    const service = await starting;
    expect(service.logs().filter(({ message }) => message === "waiting for Redis")).to.have.length(1);
    const taken = await fetch(`${service.url}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ application_token: chat.token, chat_number: chat.number, body: "late" }),
    });
    expect(taken.status).to.equal(201);
    await service.stop();
    await redis.close();
  });

  it("starts while MySQL is unavailable or empty, and accepts messages to the chats that Redis knows", async () => {
    const prefix = uniquePrefix("ingest");
    const database = await startProxy({ target: world.url });
    const start = (url: string) => startService("ingest", { DATABASE_URL: url, REDIS_KEY_PREFIX: prefix });
    const send = (service: { url: string }, to: Chat) =>
      fetch(`${service.url}/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ application_token: to.token, chat_number: to.number, body: "Hello" }),
      });
    const first = await start(database.url);
    expect((await send(first, chat)).status).to.equal(201);
    await first.stop();
    await database.cut();
    const empty = await createTestDatabase();
    for (const url of [database.url, empty.url]) {
      const service = await start(url);
      const unknown = await world.newChat();
      expect((await send(service, chat)).status).to.equal(201);
      const refused = await send(service, unknown);
      expect([refused.status, refused.headers.get("content-type")]).to.deep.equal([503, "application/problem+json"]);
      expect(await refused.json()).to.include({ code: "storage-unavailable" });
      if (url === database.url) {
        await database.restore();
        await eventually(async () => expect((await send(service, unknown)).status).to.equal(201));
        await database.cut();
      }
      await service.stop();
    }
    await empty.drop();
    await database.close();
  });

  it("shuts down cleanly after SIGTERM while it is waiting for Redis", async () => {
    const main = join(import.meta.dirname, "../src/main.ts");
    const env = {
      ...inherited(),
      PORT: "0",
      ADMIN_PORT: "0",
      REDIS_URL: "redis://127.0.0.1:1",
      DATABASE_URL: world.url,
    };
    const child = spawn(process.execPath, ["--conditions=@confab/source", main], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      if (chunk.includes("waiting for Redis")) child.kill("SIGTERM");
    });
    const [status] = (await once(child, "close")) as [number | null];
    expect(output).to.include("Check REDIS_URL and that the server is running.");
    expect(status, output).to.equal(0);
  });

  it("reports every configuration error without secrets, and exits with 78", () => {
    const env = { PORT: "x", DATABASE_URL: "postgres://secret@db", REDIS_MEMORY_LIMIT_RATIO: "2" };
    const { named, report } = configurationErrorsOf("ingest", env);
    expect(named).to.have.members(["PORT", "REDIS_URL", "DATABASE_URL", "REDIS_MEMORY_LIMIT_RATIO"]);
    expect(report).to.not.include("secret@db");
  });
});
