import { setTimeout as sleep } from "node:timers/promises";
import { createTestDatabase, eventually, startProxy, testStores, type Proxy } from "@confab/testkit";
import { createDatabase, createMessages, migrate, type Messages } from "@confab/database";
import { expect } from "chai";
import { start, type Running } from "./start.ts";

const pingInTime = async ({ redis }: Running): Promise<void> => {
  const answer = await Promise.race([redis.ping(), sleep(500, "late")]);
  expect(answer).to.equal("PONG");
};

describe("a worker with dead connections that were never closed", function () {
  this.timeout(90_000);
  let world: Running;
  let proxy: Proxy;
  let drop: (() => Promise<void>) | undefined;
  afterEach(async () => {
    await world.close();
    await proxy.close();
    await drop?.();
    drop = undefined;
  });
  const stores = (chat: { id: bigint }, count: number, read: Pick<Messages, "range">) =>
    eventually(async () => expect(await read.range(chat.id, { limit: 100 })).to.have.length(count), {
      timeoutMs: 40_000,
      intervalMs: 100,
    });

  it("stores again within 15 s when all connections to Redis die while it waits for a job", async () => {
    proxy = await startProxy({ target: testStores().redisUrl });
    world = await start({ REDIS_URL: proxy.url });
    const read = createMessages(world.direct);
    world.run();
    const chat = await world.createChat();
    await world.send(chat, "before");
    await stores(chat, 1, read);
    proxy.freeze();
    const began = performance.now();
    // The acceptor of this test shares the worker's connection.
    await eventually(() => pingInTime(world), { timeoutMs: 20_000 });
    await world.send(chat, "after");
    await stores(chat, 2, read);
    expect(performance.now() - began).to.be.below(15_000);
  });

  it("stores again within 20 s when the connections to MySQL die during transactions", async () => {
    const database = await createTestDatabase();
    await migrate(database.url);
    const direct = createDatabase({ url: database.url });
    drop = async () => {
      await direct.close();
      await database.drop();
    };
    proxy = await startProxy({ target: database.url });
    world = await start({ DATABASE_URL: proxy.url });
    world.run();
    const chat = await world.createChat();
    await world.send(chat, "before");
    await stores(chat, 1, createMessages(direct));
    // The lock on the chat's row makes the worker wait in the middle of its transaction.
    const began = await direct.prisma.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT id FROM chats WHERE id = ${chat.id} FOR UPDATE`;
      await world.send(chat, "during");
      await sleep(500);
      proxy.freeze();
      return performance.now();
    });
    await world.send(chat, "after");
    await stores(chat, 3, createMessages(direct));
    expect(performance.now() - began).to.be.below(20_000);
  });

  it("indexes again within 20 s when the connections to Elasticsearch die", async () => {
    proxy = await startProxy({ target: testStores().elasticsearchUrl });
    world = await start({ ELASTICSEARCH_URL: proxy.url });
    world.run();
    const chat = await world.createChat();
    const finds = (q: string) =>
      eventually(
        async () => expect((await world.search.search({ chatId: chat.id, q, limit: 1 })).hits).to.have.length(1),
        { timeoutMs: 40_000, intervalMs: 100 },
      );
    await world.send(chat, "before");
    await finds("before");
    await world.send(chat, "during");
    proxy.freeze();
    const began = performance.now();
    await world.send(chat, "after");
    await finds("after");
    expect(performance.now() - began).to.be.below(20_000);
  });
});
