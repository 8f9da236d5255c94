import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApplications, createChats, createDatabase, migrate } from "@confab/database";
import { eventually, startGalera, startRedis, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { messageOf, openWorld, problemOf, startIngest, type Ingest, type LogLine } from "./start.ts";

const limit = ["--maxmemory", "256mb"];

describe("ingest with stores that are less durable than a 201 promises", function () {
  this.timeout(120_000);
  const world = useForAll(openWorld);

  async function withFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
    const dir = await mkdtemp(join(tmpdir(), "confab-ingest-"));
    try {
      return await work(dir);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }
  const withRedis = <T>(args: string[], work: (url: string) => Promise<T>): Promise<T> =>
    withFolder(async (dir) => {
      const redis = await startRedis({ dir, args });
      try {
        return await work(redis.url);
      } finally {
        await redis.kill();
      }
    });
  async function withIngest<T>(env: Record<string, string>, work: (ingest: Ingest) => Promise<T>, at = world.url) {
    const ingest = await startIngest({ url: at }, env);
    try {
      return await work(ingest);
    } finally {
      await ingest.stop();
    }
  }
  /** Returns the warnings that the service logs about a Redis with these options. */
  const warnings = (args: string[], env: Record<string, string> = {}): Promise<LogLine[]> =>
    withRedis(args, (url) =>
      withIngest({ REDIS_URL: url, ...env }, ({ lines }) =>
        Promise.resolve(lines.filter(({ level }) => level === "warn")),
      ),
    );

  it("warns, unless the operator accepts that", async () => {
    const everysec = [...limit, "--appendfsync", "everysec"];
    const [warning, ...others] = await warnings(everysec);
    expect(others).to.be.empty;
    expect(warning).to.include({ store: "redis", found: "appendonly yes, appendfsync everysec", verdict: "at-risk" });
    expect(warning?.message).to.include("accept the loss with REDIS_DURABILITY");
    expect(await warnings(everysec, { REDIS_DURABILITY: "everysec" })).to.be.empty;
    expect((await warnings([...limit, "--appendonly", "no"]))[0]).to.include({ found: "appendonly no" });
    expect((await warnings([]))[0]).to.include({ found: "no limit", verdict: "at-risk" });
    expect(await warnings(limit)).to.be.empty;
  });

  it("logs once per store that all settings are as needed", () =>
    withRedis(limit, (url) =>
      withIngest({ REDIS_URL: url }, ({ lines }) =>
        eventually(() => {
          const logged = lines.filter(({ message }) => message === "all required settings of the store are in place");
          expect(logged.map(({ store }) => store).toSorted()).to.deep.equal(["database", "redis"]);
        }),
      ),
    ));

  it("accepts nothing and is not ready while Redis evicts, and starts by itself afterwards", () =>
    withRedis([...limit, "--maxmemory-policy", "allkeys-lru"], (url) =>
      withIngest({ REDIS_URL: url }, async ({ health, send, accepted, lines, redis }) => {
        const chat = await world.newChat();
        const problem = problemOf(await send(chat, "one"), "sending-unavailable");
        expect(problem.detail).to.include("Nothing was accepted");
        expect(await accepted(chat)).to.deep.equal({});
        await health.refresh();
        const { ok, checks } = health.ready();
        expect(ok).to.equal(false);
        expect(checks.settings).to.include({ ok: false, critical: true });
        expect(checks.settings!.error).to.include("maxmemory-policy noeviction is needed (found: allkeys-lru)");
        expect(lines.filter(({ level }) => level === "error")).to.have.lengthOf(1);

        await redis.config("SET", "maxmemory-policy", "noeviction");
        const message = await eventually(async () => messageOf(await send(chat, "one")), { timeoutMs: 20_000 });
        expect(message.number).to.equal(1);
        await health.refresh();
        expect(health.ready().ok).to.equal(true);
      }),
    ));

  it("stops accepting messages when Redis begins to evict, and stays ready to answer that", () =>
    withRedis(limit, (url) =>
      withIngest({ REDIS_URL: url }, async ({ health, send, accepted, redis, metrics }) => {
        const chat = await world.newChat();
        messageOf(await send(chat, "one"));
        await health.refresh();
        await redis.config("SET", "maxmemory-policy", "volatile-lru");
        await eventually(async () => problemOf(await send(chat, "more"), "sending-unavailable"), { timeoutMs: 20_000 });
        const before = await accepted(chat);
        problemOf(await send(chat, "another"), "sending-unavailable");
        expect(await accepted(chat)).to.deep.equal(before);
        await health.refresh();
        expect(health.ready().ok, "ready, because this process answers clients with the reason").to.equal(true);
        expect(await metrics.registry.metrics()).to.match(/^confab_dependency_up\{.*"settings".*\} 0$/m);
      }),
    ));

  it("accepts nothing for a Galera cluster, unless all writes go to one server", () =>
    withFolder(async (dir) => {
      const galera = await startGalera({ dir });
      try {
        await migrate(galera.url);
        const database = createDatabase({ url: galera.url });
        const { token } = await createApplications(database).create({ token: randomUUID(), name: "galera" });
        const { number, id } = (await createChats(database).create({ token }))!;
        await database.close();
        const chat = { token, number, id };
        const refused = async ({ health, send, accepted }: Ingest): Promise<void> => {
          await eventually(async () => {
            await health.refresh();
            expect(health.ready().checks.settings!.error).to.include("wsrep_on = OFF is needed (found: ON)");
          });
          expect(health.ready().checks.settings).to.include({ ok: false, critical: true });
          problemOf(await send(chat, "one"), "sending-unavailable");
          expect(await accepted(chat)).to.deep.equal({});
        };
        await withIngest({}, refused, galera.url);
        const taken = async ({ health, send }: Ingest): Promise<void> => {
          messageOf(await send(chat, "one"));
          await health.refresh();
          expect(health.ready().ok).to.equal(true);
        };
        await withIngest({ DATABASE_SINGLE_WRITER: "yes" }, taken, galera.url);
      } finally {
        await galera.stop();
      }
    }));

  it("starts without the database, and reads its settings when it is available", async () => {
    const unavailable = "mysql://confab@127.0.0.1:1/confab";
    await withIngest(
      {},
      async ({ health }) => {
        await health.refresh();
        expect(health.ready().ok).to.equal(true);
      },
      unavailable,
    );
  });
});
