import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import {
  eventually,
  freePort,
  startProxy,
  startService,
  testStores,
  uniquePrefix,
  type ServiceHandle,
} from "@confab/testkit";
import { expect } from "chai";
import { openWorld, type Chat, type World } from "./start.ts";

describe("the ingest process", () => {
  let world: World;
  let chat: Chat;
  before(async () => {
    world = await openWorld();
    chat = await world.newChat();
  });
  after(() => world.close());

  const start = (): Promise<ServiceHandle> =>
    startService("ingest", { DATABASE_URL: world.url, REDIS_KEY_PREFIX: uniquePrefix("ingest") });

  /** A request whose head the service has read and whose body it waits for. */
  async function beginRequest(url: string) {
    const sent = request(`${url}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", expect: "100-continue" },
    });
    const answer = once(sent, "response").then(async ([response]) => {
      const { statusCode, headers } = response as IncomingMessage;
      return { status: statusCode, headers, body: JSON.parse(await text(response as IncomingMessage)) as unknown };
    });
    answer.catch(() => undefined);
    sent.flushHeaders();
    await once(sent, "continue");
    return { sent, answer };
  }
  const isStopping = (service: ServiceHandle): Promise<void> =>
    eventually(() => {
      expect(service.logs().map(({ message }) => message)).to.include("shutting down");
    });

  it("finishes a slow request after SIGTERM, takes no new one, and exits 0", async () => {
    const service = await start();
    const { sent, answer } = await beginRequest(service.url);
    process.kill(service.pid, "SIGTERM");
    await isStopping(service);
    await eventually(async () => {
      const refused = await fetch(service.url).then(
        () => false,
        () => true,
      );
      expect(refused).to.equal(true);
    });
    sent.end(JSON.stringify({ application_token: chat.token, chat_number: chat.number, body: "Hello" }));
    const { status, headers, body } = await answer;
    expect(status).to.equal(201);
    expect(headers.connection).to.equal("close");
    expect(body).to.include({ number: 1, body: "Hello" });
    expect(await service.exit).to.equal(0);
    expect(service.logs().at(-1)).to.include({ message: "stopped", exitCode: 0 });
  });

  it("ends at once on a second SIGTERM", async () => {
    const service = await start();
    const { sent, answer } = await beginRequest(service.url);
    process.kill(service.pid, "SIGTERM");
    await isStopping(service);
    process.kill(service.pid, "SIGTERM");
    expect(await service.exit).to.equal(1);
    await answer.then(
      () => expect.fail("the request was answered"),
      (error: unknown) => expect(error).to.have.property("code", "ECONNRESET"),
    );
    sent.destroy();
  });

  it("waits for a Redis that comes late, lives and is not ready meanwhile, and says what it waits for", async () => {
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
    await eventually(async () => {
      expect((await ask("/livez")).status).to.equal(200);
    });
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

  it("ends in good order on a SIGTERM while it still waits for Redis", async () => {
    const main = join(import.meta.dirname, "../src/main.ts");
    const { PATH, NODE_V8_COVERAGE } = process.env;
    const env = {
      PATH,
      NODE_V8_COVERAGE,
      PORT: "0",
      ADMIN_PORT: "0",
      REDIS_URL: "redis://127.0.0.1:1",
      DATABASE_URL: world.url,
    };
    const child = spawn(process.execPath, ["--conditions=@confab/source", main], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      said += chunk;
      if (chunk.includes("waiting for Redis")) child.kill("SIGTERM");
    });
    const [status] = (await once(child, "close")) as [number | null];
    expect(said).to.include("Is REDIS_URL right and the server up?");
    expect(status, said).to.equal(0);
  });

  it("lists everything that is wrong with its configuration, without secrets, and exits 78", () => {
    const main = join(import.meta.dirname, "../src/main.ts");
    const { PATH, NODE_V8_COVERAGE } = process.env;
    const env = {
      PATH,
      NODE_V8_COVERAGE,
      PORT: "x",
      DATABASE_URL: "postgres://secret@db",
      REDIS_MEMORY_LIMIT_RATIO: "2",
    };
    const ended = spawnSync(process.execPath, ["--conditions=@confab/source", main], { env, encoding: "utf8" });
    expect(ended.status).to.equal(78);
    expect(ended.stdout).to.equal("");
    const named = ended.stderr.split("\n").flatMap((line) => /^ {2}(\w+):/.exec(line)?.[1] ?? []);
    expect(named).to.have.members(["PORT", "REDIS_URL", "DATABASE_URL", "REDIS_MEMORY_LIMIT_RATIO"]);
    expect(ended.stderr).to.not.include("secret@db");
  });
});
