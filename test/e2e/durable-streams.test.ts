import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { messageSchema } from "@confab/contracts";
import { eventually, startService, uniquePrefix } from "@confab/testkit";
import { openDatabase } from "@confab/testkit/world";
import { expect } from "chai";
import { follow } from "./following.ts";
import { startTracedRedis, type TracedRedis } from "./traced-redis.ts";

const writers = 8;

describe("a message that a live stream shows before a power cut", function () {
  this.timeout(120_000);

  for (let cut = 1; cut <= 3; cut += 1) {
    it(`exists afterwards, with appendfsync always (cut ${cut})`, async () => {
      const { seen, lost } = await cutWhileWriting("always", () => pause(700 + 400 * Math.random()));
      expect(seen, "messages that the reader saw").to.be.above(20);
      expect(lost).to.deep.equal([]);
    });
  }

  for (const policy of ["everysec", "no"]) {
    it(`does not exist with appendfsync ${policy}, which shows that the cut is real`, async () => {
      // With the policy everysec, the next fsync begins a second later.
      const { lost } = await cutWhileWriting(policy, async (redis, seeAnother) => {
        await seeAnother();
        if (policy === "everysec") await redis.nextFsync();
        await seeAnother();
      });
      expect(lost.length).to.be.above(0);
    });
  }
});

/**
 * Cuts the power of Redis while messages are sent, as soon as `untilCut` resolves. `untilCut` receives a function that
 * waits until the reader has seen a message that was sent after the call. Returns how many messages the reader saw, and
 * which of them are lost.
 */
async function cutWhileWriting(
  policy: string,
  untilCut: (redis: TracedRedis, seeAnother: () => Promise<void>) => Promise<void>,
) {
  const dir = await mkdtemp(join(tmpdir(), "confab-cut-"));
  const redis = await startTracedRedis(dir, policy);
  const { url, newChat, close } = await openDatabase();
  const { token } = await newChat();
  const env = {
    REDIS_URL: redis.url,
    DATABASE_URL: url,
    REDIS_KEY_PREFIX: uniquePrefix("cut"),
    SEARCH_BACKEND: "mysql",
    LOG_LEVEL: "fatal",
    RATE_LIMITS: "off",
    REDIS_DURABILITY: policy,
  };
  // Without a worker, all messages stay in Redis.
  const [ingest, api] = await Promise.all([startService("ingest", env), startService("api", env)]);
  const path = `${api.url}/applications/${token}/chats/1/messages`;
  const reader = follow(`${path}/stream?after=0`);
  await eventually(() => expect(reader.events).to.have.length.above(0));
  const state = { isOver: false };
  const send = async (text: string) => {
    const body = JSON.stringify({ application_token: token, chat_number: 1, body: text });
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`${ingest.url}/messages`, { method: "POST", headers, body }).catch(() => undefined);
    await answer?.body?.cancel();
  };
  const writing = Array.from({ length: writers }, async (_, writer) => {
    for (let at = 0; !state.isOver; at += 1) await send(`${writer} ${at}`);
  });
  let others = 0;
  await untilCut(redis, async () => {
    const text = `another ${(others += 1)}`;
    await send(text);
    await eventually(() => expect(reader.events.some(({ data }) => data.body === text)).to.equal(true));
  });
  // The clients stop before the server returns, so no number is assigned again.
  state.isOver = true;
  await redis.cutPower();
  await Promise.all(writing);
  const seen = reader.events.filter(({ event }) => event === "message").map(({ data }) => messageSchema.parse(data));
  await reader.stop();

  const kept = new Map<number, string>();
  await eventually(async () => {
    for (let after = 0; ;) {
      const answer = await fetch(`${path}?limit=200&after=${after}`);
      expect(answer.status).to.equal(200);
      const page = messageSchema.array().parse(await answer.json());
      for (const { number, body } of page) kept.set(number, body!);
      if (page.length === 0) break;
      after = page.at(-1)!.number;
    }
    expect(kept.size, "Redis answers again").to.be.above(policy === "no" ? -1 : 0);
  });
  const lost = seen.filter(({ number, body }) => kept.get(number) !== body).map(({ number }) => number);
  await Promise.all([ingest.stop(), api.stop()]);
  await close();
  await redis.stop();
  await rm(dir, { recursive: true, force: true });
  return { seen: seen.length, lost };
}
