import { eventually, startProxy, testStores, type Proxy } from "@confab/testkit";
import { expect } from "chai";
import { start, type Running } from "./start.ts";

/** What all of a worker's connections to the queue call themselves, and no other of its connections does. */
const queueConnections = "confab-worker-queue";

describe("a worker whose consumer takes nothing", function () {
  this.timeout(60_000);
  let world: Running;
  let proxy: Proxy;
  let chat: Awaited<ReturnType<Running["createChat"]>>;
  beforeEach(async () => {
    proxy = await startProxy({ target: testStores().redisUrl });
    world = await start({ REDIS_URL: proxy.url, CONSUMER_STALL_TIMEOUT: "1500ms" });
    world.run();
    chat = await world.createChat();
    await world.send(chat, "before");
    await stored(1);
  });
  afterEach(async () => {
    proxy.thaw();
    await world.close();
    await proxy.close();
  });
  const stored = (count: number) =>
    eventually(
      async () => {
        expect(Object.keys(await world.stored(chat))).to.have.length(count);
      },
      { timeoutMs: 20_000 },
    );
  const restarted = (times: number) =>
    eventually(
      async () => {
        expect(await world.metric("confab_consumer_restarts_total")).to.be.at.least(times);
      },
      { timeoutMs: 20_000 },
    );

  it("replaces it with its connections, counts that, and stays alive", async () => {
    proxy.freeze(queueConnections);
    await world.send(chat, "during");
    await restarted(1);
    proxy.thaw();
    await stored(2);
    expect(world.liveness.state()).to.deep.equal({ ok: true, reasons: [] });
    expect(world.lines.map(({ message }) => message)).to.include(
      "jobs wait and none is taken: restarting the consumer",
    );
  });

  it("asks to be restarted after the second time in a row, and no longer once one takes jobs", async () => {
    proxy.freeze(queueConnections);
    await world.send(chat, "during");
    await restarted(2);
    expect(world.liveness.state().reasons.join()).to.include("messages of partition 0");
    proxy.thaw();
    await stored(2);
    expect(world.liveness.state().ok).to.equal(true);
  });

  it("is left alone while nothing waits", async () => {
    proxy.freeze(queueConnections);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await world.metric("confab_consumer_restarts_total")).to.equal(0);
  });
});
