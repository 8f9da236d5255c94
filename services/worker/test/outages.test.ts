import {
  startProxy,
  testStores,
  createTestDatabase,
  freePort,
  startService,
  eventually,
  uniquePrefix,
  type Proxy,
} from "@confab/testkit";
import { migrate, createOutbox } from "@confab/database";
import { expect } from "chai";
import { start, type Running } from "./start.ts";

describe("storing and indexing during outages", function () {
  this.timeout(60_000);
  let world: Running | undefined;
  let proxy: Proxy | undefined;
  const drops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await world?.close();
    await proxy?.close();
    for (const drop of drops.splice(0)) await drop();
    world = proxy = undefined;
  });

  it("waits while the database is unavailable and then stores everything, without failing a job", async () => {
    const database = await createTestDatabase();
    drops.push(() => database.drop());
    await migrate(database.url);
    proxy = await startProxy({ target: database.url });
    world = await start({ DATABASE_URL: proxy.url });
    const chat = await world.createChat();
    await world.send(chat, "before");
    world.run();
    await eventually(async () => expect(Object.keys(await world!.stored(chat))).to.deep.equal(["1"]));
    await proxy.cut();
    await world.send(chat, "during one", "during two");
    await eventually(async () => expect(await world!.metric("confab_store_retries_total")).to.be.at.least(2));
    expect((await world.backlogs[0]!.depth()).pending).to.equal(2);
    await proxy.restore();
    await eventually(
      async () => expect(await world!.stored(chat)).to.deep.equal({ 1: "before", 2: "during one", 3: "during two" }),
      { timeoutMs: 20_000 },
    );
    expect(world.lines.filter(({ message }) => message === "job failed")).to.deep.equal([]);
  });

  it("stops while the database is unavailable, and another worker continues", async () => {
    const database = await createTestDatabase();
    drops.push(() => database.drop());
    await migrate(database.url);
    proxy = await startProxy({ target: database.url });
    world = await start({ DATABASE_URL: proxy.url });
    const chat = await world.createChat();
    await world.send(chat, "before");
    world.run();
    await eventually(async () => expect(Object.keys(await world!.stored(chat))).to.deep.equal(["1"]));
    await proxy.cut();
    await world.send(chat, "during");
    await eventually(async () => expect(await world!.metric("confab_store_retries_total")).to.be.at.least(1));
    const began = performance.now();
    await world.pause();
    expect(performance.now() - began).to.be.lessThan(20_000);
    await proxy.restore();
    const { prefix } = world.config.partitioning;
    const other = await startService("worker", {
      DATABASE_URL: database.url,
      REDIS_KEY_PREFIX: prefix,
      SEARCH_INDEX: prefix,
      BATCH_OVERDUE_AFTER: "300ms",
    });
    await eventually(async () => expect(await world!.stored(chat)).to.deep.equal({ 1: "before", 2: "during" }), {
      timeoutMs: 20_000,
    });
    await other.stop();
    expect(await other.exit).to.equal(0);
  });

  it("stores while Elasticsearch is unavailable, and then makes everything searchable", async () => {
    proxy = await startProxy({ target: testStores().elasticsearchUrl });
    world = await start({ ELASTICSEARCH_URL: proxy.url });
    const chat = await world.createChat();
    world.run();
    await world.send(chat, "searchable");
    await eventually(async () =>
      expect((await world!.search.search({ chatId: chat.id, q: "searchable", limit: 1 })).hits).to.have.length(1),
    );
    await proxy.cut();
    await world.send(chat, "hidden");
    await eventually(async () => {
      expect(await world!.stored(chat)).to.deep.equal({ 1: "searchable", 2: "hidden" });
      expect(await world!.metric("confab_indexing_paused")).to.equal(1);
    });
    expect(await createOutbox(world.direct).depth()).to.equal(1);
    await proxy.restore();
    await eventually(
      async () =>
        expect((await world!.search.search({ chatId: chat.id, q: "hidden", limit: 1 })).hits).to.have.length(1),
      { timeoutMs: 20_000 },
    );
    expect(
      world.lines.filter(
        ({ message }) => message === "indexing is paused: the search index or the database is unavailable",
      ),
    ).to.have.length(1);
    expect(world.lines.filter(({ message }) => message === "job failed")).to.deep.equal([]);
  });

  it("waits for a Redis that starts late, and then stores the accepted messages", async () => {
    world = await start();
    const chat = await world.createChat();
    await world.send(chat, "early");
    proxy = await startProxy({ target: testStores().redisUrl });
    await proxy.cut();
    const adminPort = String(await freePort());
    const starting = startService("worker", {
      REDIS_URL: proxy.url,
      DATABASE_URL: world.config.database.url,
      REDIS_KEY_PREFIX: world.config.partitioning.prefix,
      SEARCH_INDEX: world.config.partitioning.prefix,
      ADMIN_PORT: adminPort,
    });
    await eventually(async () => {
      const readiness = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
      expect(readiness.status).to.equal(503);
      expect(await readiness.text()).to.include("no connection to Redis: connect ECONNREFUSED");
    });
    await proxy.restore();
    const late = await starting;
    await eventually(async () => expect(await world!.stored(chat)).to.deep.equal({ 1: "early" }));
    await late.stop();
    expect(await late.exit).to.equal(0);
  });

  it("reports every error of its configuration and does not start", async () => {
    const failed = await startService("worker", {
      DATABASE_URL: "nonsense",
      PARTITIONS: "0",
      SEARCH_BACKEND: "elasticsearch",
      ELASTICSEARCH_URL: "",
      REDIS_KEY_PREFIX: uniquePrefix(),
    }).catch((error: unknown) => error);
    expect(failed).to.be.instanceOf(Error);
    for (const name of ["DATABASE_URL", "PARTITIONS"]) expect((failed as Error).message).to.include(name);
    expect((failed as Error).message).not.to.include("nonsense");
  });
});
