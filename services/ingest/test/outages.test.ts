import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, startProxy, startRedis, useForAll, type Proxy, type ServerHandle } from "@confab/testkit";
import { expect } from "chai";
import { messageOf, openWorld, problemOf, startIngest, type Answer, type Ingest } from "./start.ts";

describe("ingest without a store", () => {
  let folder: string;
  let redis: ServerHandle;
  let database: Proxy;
  let ingest: Ingest;
  const world = useForAll(openWorld);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-ingest-"));
    redis = await startRedis({ dir: folder });
  });
  after(async () => {
    await redis.kill();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await redis.start();
    database = await startProxy({ target: world.url });
    ingest = await startIngest({ url: database.url }, { REDIS_URL: redis.url });
  });
  afterEach(async () => {
    await ingest.stop();
    await database.close();
  });

  const timed = async (work: Promise<Answer>): Promise<{ answer: Answer; ms: number }> => {
    const began = performance.now();
    const answer = await work;
    return { answer, ms: performance.now() - began };
  };

  it("answers 503 within about a second while Redis is unavailable, and continues after the last number afterwards", async () => {
    const chat = await world.newChat();
    messageOf(await ingest.send(chat, "one"));
    await ingest.health.refresh();
    await redis.kill();
    for (let round = 0; round < 3; round += 1) {
      const { answer, ms } = await timed(ingest.send(chat, "lost"));
      expect(problemOf(answer, "sending-unavailable").detail).to.include("Idempotency-Key");
      expect(ms).to.be.below(10_000);
    }
    await ingest.health.refresh();
    expect(ingest.health.ready().ok, "ready, because this process answers clients with the reason").to.equal(true);
    expect(ingest.health.ready().checks.redis).to.include({ ok: false, critical: true });
    expect(await ingest.metrics.registry.metrics()).to.match(/^confab_dependency_up\{.*"redis".*\} 0$/m);
    await redis.start();
    const message = await eventually(async () => messageOf(await ingest.send(chat, "two")));
    const kept = await ingest.accepted(chat);
    expect(kept[1]).to.equal("one");
    expect(kept[message.number]).to.equal("two");
    expect(Object.keys(kept).map(Number), "no gap").to.deep.equal(
      Array.from({ length: message.number }, (_, index) => index + 1),
    );
  });

  it("keeps running while Redis hangs, and answers 503 within the deadline", async () => {
    const between = await startProxy({ target: redis.url });
    const hanging = await startIngest(world, { REDIS_URL: between.url, ACCEPT_DEADLINE: "300ms" });
    try {
      const chat = await world.newChat();
      messageOf(await hanging.send(chat, "one", { "idempotency-key": "one" }));
      between.pause();
      const { answer, ms } = await timed(hanging.send(chat, "two", { "idempotency-key": "two" }));
      problemOf(answer, "sending-unavailable");
      expect(ms).to.be.within(250, 10_000);
      between.resume();
      // The request that was answered 503 may have been accepted. Because of its key, the number is the same in both
      // cases.
      const again = await eventually(async () =>
        messageOf(await hanging.send(chat, "two", { "idempotency-key": "two" })),
      );
      expect(again.number).to.equal(2);
    } finally {
      between.resume();
      await hanging.stop();
      await between.close();
    }
  });

  for (const failure of ["is unavailable", "is silent"]) {
    it(`accepts messages to known chats while MySQL ${failure}, and answers 503 for others`, async () => {
      const [known, unknown] = [await world.newChat(), await world.newChat()];
      messageOf(await ingest.send(known, "one"));
      if (failure === "is unavailable") await database.cut();
      else database.pause();
      expect(messageOf(await ingest.send(known, "two")).number).to.equal(2);
      const { answer, ms } = await timed(ingest.send(unknown, "Hello"));
      problemOf(answer, "storage-unavailable");
      expect(ms).to.be.below(10_000);
      expect(await ingest.accepted(unknown)).to.deep.equal({});
      if (failure === "is unavailable") await database.restore();
      else database.resume();
      expect((await eventually(async () => messageOf(await ingest.send(unknown, "Hello")))).number).to.equal(1);
    });
  }
});
