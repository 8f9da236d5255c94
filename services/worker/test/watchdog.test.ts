import { eventually, startProxy, testStores, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { start, type Running } from "./start.ts";

/** Client name that a worker's queue connections have, and no other connection has. */
const queueConnections = "confab-worker-queue";

describe("a worker whose consumer takes no jobs", function () {
  this.timeout(60_000);
  let chat: Awaited<ReturnType<Running["createChat"]>>;
  const proxy = useForEach(() => startProxy({ target: testStores().redisUrl }));
  const world = useForEach(() => start({ REDIS_URL: proxy.url, CONSUMER_STALL_TIMEOUT: "1500ms" }));
  beforeEach(async () => {
    world.run();
    chat = await world.createChat();
    await world.send(chat, "before");
    await stored(1);
  });
  afterEach(() => {
    proxy.thaw();
  });
  const stored = (count: number) =>
    eventually(async () => expect(Object.keys(await world.stored(chat))).to.have.length(count), { timeoutMs: 20_000 });
  const restarted = (times: number) =>
    eventually(async () => expect(await world.metric("confab_consumer_restarts_total")).to.be.at.least(times), {
      timeoutMs: 20_000,
    });

  it("replaces the consumer and its connections, counts the restart, and stays alive", async () => {
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

  it("becomes not live after two restarts in a row, and live again when a consumer takes jobs", async () => {
    proxy.freeze(queueConnections);
    await world.send(chat, "during");
    await restarted(2);
    expect(world.liveness.state().reasons.join()).to.include("messages of partition 0");
    proxy.thaw();
    await stored(2);
    expect(world.liveness.state().ok).to.equal(true);
  });

  it("does not restart the consumer while no job waits", async () => {
    proxy.freeze(queueConnections);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await world.metric("confab_consumer_restarts_total")).to.equal(0);
  });
});
