import { createDatabase } from "@confab/database";
import { eventually, startProxy, testStores, useForAll, type Proxy } from "@confab/testkit";
import { expect } from "chai";
import { Redis } from "ioredis";
import { messageOf, openWorld, readAccepted, startIngest, type Chat, type Ingest } from "./start.ts";

describe("ingest with connections that died silently", () => {
  let redis: Proxy;
  let database: Proxy;
  let ingest: Ingest;
  let chat: Chat;
  const world = useForAll(openWorld);
  beforeEach(async () => {
    redis = await startProxy({ target: testStores().redisUrl });
    database = await startProxy({ target: world.url });
    ingest = await startIngest({ url: database.url }, { REDIS_URL: redis.url, DATABASE_POOL_SIZE: "2" });
    chat = await world.newChat();
    messageOf(await ingest.send(chat, "before"));
  });
  afterEach(async () => {
    await ingest.stop();
    await Promise.all([redis.close(), database.close()]);
  });

  it("serves again within seconds, resends unanswered messages once, and has queued at most two rounds of batches", async () => {
    redis.freeze();
    const began = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 8 }, async (_, sender) => {
        for (let attempt = 1; ; attempt++) {
          const answer = await ingest.send(chat, `from ${sender}`, { "idempotency-key": String(sender) });
          if (answer.status === 201) return { attempt, ...messageOf(answer) };
          expect(answer.status).to.equal(503);
          if (performance.now() - began > 20_000) return expect.fail("no connection was replaced in 20 s");
        }
      }),
    );
    expect(performance.now() - began).to.be.below(10_000);
    expect(new Set(answers.map(({ number }) => number)).size).to.equal(8);
    expect(Math.max(...answers.map(({ attempt }) => attempt))).to.be.below(5);
    const direct = new Redis(testStores().redisUrl);
    const kept = Object.values(await readAccepted(direct, ingest.config.partitioning, chat));
    direct.disconnect();
    expect(kept.toSorted(), "each message once").to.deep.equal(
      ["before", ...answers.map(({ body }) => body)].toSorted(),
    );
    await eventually(() => expect(ingest.health.ready().checks.redis).to.include({ ok: true }));
  });

  it("loads chat heads again within seconds, although every session was busy", async () => {
    const chats = await Promise.all(Array.from({ length: 3 }, () => world.newChat()));
    const locking = createDatabase({ url: world.url, poolSize: 1 });
    await locking.prisma.$executeRawUnsafe("LOCK TABLES chats WRITE");
    const during = chats.map((unknown) => ingest.send(unknown, "during"));
    await eventually(async () =>
      expect(await ingest.metrics.registry.metrics()).to.match(/^confab_database_pool_sessions\{.*"used".*\} 2$/m),
    );
    database.freeze();
    await locking.prisma.$executeRawUnsafe("UNLOCK TABLES");
    await locking.close();
    expect((await Promise.all(during)).map(({ status }) => status)).to.deep.equal([503, 503, 503]);
    const began = performance.now();
    await eventually(async () => messageOf(await ingest.send(chats[0]!, "after")), { timeoutMs: 40_000 });
    expect(performance.now() - began).to.be.below(15_000);
  });
});
