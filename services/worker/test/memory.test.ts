import { eventually, startService, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { start } from "./start.ts";

describe("a worker's memory", function () {
  this.timeout(180_000);
  const world = useForEach(start);

  it("is sufficient for a backlog that is larger than the memory", async () => {
    const chats = await Promise.all(Array.from({ length: 20 }, () => world.createChat()));
    const body = "x".repeat(65_000);
    for (const chat of chats) {
      const run = Array.from({ length: 100 }, () => ({ token: world.token, chat: chat.number, body, requestId: "r" }));
      for (const { kind } of await world.submitRun(run)) expect(kind).to.equal("accepted");
    }
    const prefix = world.config.partitioning.prefix;
    const worker = await startService("worker", {
      NODE_OPTIONS: "--max-old-space-size=112",
      DATABASE_URL: world.config.database.url,
      REDIS_KEY_PREFIX: prefix,
      SEARCH_BACKEND: "mysql",
      LOG_LEVEL: "warn",
    });
    await eventually(
      async () => {
        const { pending } = await world.backlogs[0]!.depth();
        expect(pending).to.equal(0);
      },
      { timeoutMs: 150_000, intervalMs: 200 },
    );
    for (const chat of chats)
      expect(await world.chats.find(world.token, chat.number)).to.have.property("messagesCount", 100);
    await worker.stop();
    expect(await worker.exit).to.equal(0);
  });
});
