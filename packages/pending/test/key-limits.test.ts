import { useForEach } from "@confab/testkit";
import { createUuid7 } from "@confab/runtime";
import { expect } from "chai";
import { encodeBatch } from "../src/encode-batch.ts";
import { createBatchId } from "../src/batch-id.ts";
import { guardKeys } from "../src/scripts.ts";
import { createWorld, noLimits, send } from "./world.ts";

describe("idempotency keys of an application", function () {
  this.timeout(180_000);
  const world = useForEach(createWorld);

  it("accepts 600,000 messages with a UUID of version 7 within one window, at no more than 60 bytes of Redis per key", async () => {
    const chat = await world.createChat();
    const { redis, acceptor } = await world.connect();
    await send(acceptor(), chat, "so that the head is known");
    const limits = { ...noLimits, maxIdempotencyKeys: 1_000_000, idempotencySeconds: 86_400 };
    const [batches, size] = [1_200, 500];
    let accepted = 0;
    for (let nth = 0; nth < batches; nth++) {
      const now = Date.now();
      const entries = Array.from({ length: size }, () => ({
        token: chat.token,
        chat: chat.number,
        body: "x",
        requestId: "r",
        idempotency: { key: createUuid7(now), hash: "h".repeat(43) },
        // Avoids the query to MySQL that keys need soon after a start of Redis.
        memory: { clock: now + 60_000, stored: now + 60_000 },
      }));
      const batch = encodeBatch(world.prefix, createBatchId(now), entries, limits, now);
      const results = batch.parse(await redis.confabAccept(...guardKeys(world.prefix), ...batch.args));
      accepted += results.filter(({ result }) => typeof result === "number").length;
    }
    expect(accepted).to.equal(batches * size);
    let bytes = 0;
    const hashes = await redis.keys(`${world.prefix}idem:*`);
    for (let from = 0; from < hashes.length; from += 1_000) {
      const commands = redis.pipeline();
      for (const hash of hashes.slice(from, from + 1_000)) commands.memory("USAGE", hash, "SAMPLES", 0);
      for (const [, usage] of (await commands.exec()) ?? []) bytes += Number(usage);
    }
    expect(bytes / (batches * size)).to.be.below(60);
    const lives = await Promise.all(hashes.slice(0, 100).map((hash) => redis.pttl(hash)));
    for (const ms of lives) expect(ms).to.be.within(290_000, 360_000);
  });

  it("keeps the keys of two users apart, and those of the application", async () => {
    const chat = await world.createChat();
    const acceptor = (await world.connect()).acceptor();
    const numberOf = async (user: string | undefined) => {
      const idempotency = { key: "order-17", hash: "h".repeat(43), user };
      const answer = await acceptor.submit({
        token: chat.token,
        chat: chat.number,
        body: "x",
        requestId: "r",
        idempotency,
      });
      return answer.kind === "accepted" ? answer.number : answer.kind;
    };
    expect([await numberOf("alice"), await numberOf("bob"), await numberOf(undefined)]).to.deep.equal([1, 2, 3]);
    expect([await numberOf("alice"), await numberOf("bob"), await numberOf(undefined)]).to.deep.equal([1, 2, 3]);
  });

  it("refuses an old key while MySQL is unavailable, and accepts new ones", async () => {
    const chat = await world.createChat();
    const side = await world.connect();
    const first = { key: createUuid7(), hash: "h".repeat(43) };
    await side
      .acceptor()
      .submit({ token: chat.token, chat: chat.number, body: "x", requestId: "r", idempotency: first });
    await world.rememberSince(side, Date.now() - 3_600_000);
    const acceptor = side.acceptor({ findKeys: () => Promise.reject(new Error("MySQL is unavailable")) });
    const submit = (ms: number) => {
      const idempotency = { key: createUuid7(ms), hash: "h".repeat(43) };
      return acceptor.submit({ token: chat.token, chat: chat.number, body: "x", requestId: "r", idempotency });
    };
    const refused = await submit(Date.now() - 600_000).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(Error).with.property("message", "MySQL is unavailable");
    expect(await submit(Date.now())).to.include({ kind: "accepted", number: 2 });
  });
});
