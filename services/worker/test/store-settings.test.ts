import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createDatabase, migrate } from "@confab/database";
import { eventually, freePort, startGalera, startRedis, startService, type ServerHandle } from "@confab/testkit";
import { expect } from "chai";
import { start, type Running } from "./start.ts";

describe("a worker on stores with unsafe settings", function () {
  this.timeout(120_000);
  let folder: string;
  let galera: ServerHandle;
  let world: Running | undefined;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-worker-"));
    galera = await startGalera({ dir: join(folder, "galera") });
    await migrate(galera.url);
  });
  afterEach(async () => {
    await world?.close();
    world = undefined;
  });
  after(async () => {
    await galera.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Changes the setting on the running server, like an operator. */
  async function setWsrep(value: "ON" | "OFF"): Promise<void> {
    const database = createDatabase({ url: galera.url, poolSize: 1 });
    await database.prisma.$executeRawUnsafe(`SET GLOBAL wsrep_on = ${value}`);
    await database.close();
  }

  it("stores nothing in a Galera cluster, and everything when it is no longer a cluster", async () => {
    await setWsrep("ON");
    world = await start({ DATABASE_URL: galera.url });
    const running = world;
    const chat = await running.createChat();
    await running.send(chat, "one", "two");
    running.run();
    await eventually(async () => expect(await running.metric("confab_store_retries_total")).to.be.at.least(2));
    expect(await running.stored(chat)).to.deep.equal({});
    expect((await running.backlogs[0]!.depth()).pending).to.equal(2);
    await running.health.refresh();
    expect(running.health.ready().ok).to.equal(false);
    expect(running.health.ready().checks.settings!.error).to.include("wsrep_on = OFF is needed (found: ON)");
    expect(running.lines.filter(({ verdict }) => verdict === "refused")).to.have.lengthOf(1);

    await setWsrep("OFF");
    await eventually(
      async () => {
        expect(await running.stored(chat)).to.deep.equal({ 1: "one", 2: "two" });
        await running.health.refresh();
        expect(running.health.ready().ok).to.equal(true);
      },
      { timeoutMs: 30_000 },
    );
    expect(running.lines.filter(({ message }) => message === "job failed")).to.deep.equal([]);
  });

  it("stores in a Galera cluster whose writes all go to one server", async () => {
    await setWsrep("ON");
    world = await start({ DATABASE_URL: galera.url, DATABASE_SINGLE_WRITER: "yes" });
    const running = world;
    const chat = await running.createChat();
    await running.send(chat, "one");
    running.run();
    await eventually(async () => expect(await running.stored(chat)).to.deep.equal({ 1: "one" }));
  });

  it("does not start work on unsafe settings, stays alive, reports why, and then starts by itself", async () => {
    await setWsrep("ON");
    const ADMIN_PORT = String(await freePort());
    const readiness = async () => {
      const response = await fetch(`http://127.0.0.1:${ADMIN_PORT}/readyz`);
      return (await response.json()) as { started: boolean; ok: boolean; checks: { settings: { error?: string } } };
    };
    const starting = startService("worker", { DATABASE_URL: galera.url, ADMIN_PORT });
    await eventually(
      async () => expect((await readiness()).checks.settings.error).to.include("wsrep_on = OFF is needed (found: ON)"),
      { timeoutMs: 20_000 },
    );
    await pause(2_000);
    expect(await readiness()).to.include({ ok: false, started: false });
    expect((await fetch(`http://127.0.0.1:${ADMIN_PORT}/livez`)).status).to.equal(200);
    await setWsrep("OFF");
    const worker = await starting;
    expect(await readiness()).to.include({ ok: true, started: true });
    await worker.stop();
    expect(await worker.exit).to.equal(0);
  });

  it("continues to store from a Redis that evicts keys, and logs the eviction policy", async () => {
    const redis = await startRedis({ dir: join(folder, "redis"), args: ["--maxmemory-policy", "allkeys-lru"] });
    try {
      world = await start({ REDIS_URL: redis.url });
      const running = world;
      const chat = await running.createChat();
      await running.send(chat, "one");
      running.run();
      await eventually(async () => {
        expect(await running.stored(chat)).to.deep.equal({ 1: "one" });
        await running.health.refresh();
        expect(running.health.ready().ok).to.equal(true);
      });
      expect(running.lines.find(({ verdict }) => verdict === "refused")).to.include({
        store: "redis",
        found: "allkeys-lru",
      });
      await world.close();
      world = undefined;
    } finally {
      await redis.kill();
    }
  });
});
