import { randomBytes } from "node:crypto";
import { stat, truncate, readdir } from "node:fs/promises";
import { join } from "node:path";
import { eventually, startProxy } from "@confab/testkit";
import { expect } from "chai";
import { encodeBatch } from "../src/accept-batch.ts";
import { createWorld, noLimits, send, withServer, type Mutation, type World } from "./world.ts";

interface Guarded {
  promise: string;
  guard: Mutation;
  scenario: (world: World) => Promise<void>;
}

const trustedHead: Mutation = {
  script: "accept",
  guard: "local trusted = id and head[3] == incarnation",
  without: "local trusted = id",
};

/** Each scenario breaks something; the promise holds, and does not hold once its guard is taken out of the script. */
const scenarios: Guarded[] = [
  {
    promise: "a batch that is sent again is answered as the first time and stored once",
    guard: { script: "accept", guard: "if known then return known end", without: "" },
    async scenario(world) {
      const chat = await world.createChat();
      const side = await world.connect();
      await send(side.intake(), chat, "first");
      const entry = { token: chat.token, chat: chat.number, body: "again", requestId: "r" };
      const batch = encodeBatch(world.prefix, randomBytes(16), [entry], noLimits, Date.now());
      const key = `${world.prefix}batch:${batch.id}`;
      const answers = [
        await side.redis.confabAccept(key, ...batch.args),
        await side.redis.confabAccept(key, ...batch.args),
      ];
      expect(answers.map((answer) => batch.parse(String(answer))[0]?.result)).to.deep.equal([2, 2]);
      await world.store(side);
      expect(await world.stored(chat)).to.deep.equal({ 1: "first", 2: "again" });
    },
  },
  {
    promise: "after FLUSHALL the next number is MAX + 1, without a restart",
    guard: { script: "accept", guard: "last = math.max(last, tonumber(learnedLast))", without: "" },
    async scenario(world) {
      const chat = await world.createChat();
      const side = await world.connect();
      const intake = side.intake();
      await send(intake, chat, "a", "b", "c");
      await world.store(side);
      await side.redis.flushall();
      expect(await send(intake, chat, "d")).to.deep.equal([4]);
      await world.store(side);
      expect(await world.stored(chat)).to.deep.equal({ 1: "a", 2: "b", 3: "c", 4: "d" });
    },
  },
  {
    promise: "a Redis that restarts with a truncated AOF reissues no stored number",
    guard: trustedHead,
    async scenario(world) {
      const chat = await world.createChat();
      const side = await world.connect();
      const intake = side.intake();
      await send(intake, chat, "a");
      await world.store(side);
      const folder = join(world.dir, "data/appendonlydir");
      const log = join(
        folder,
        (await readdir(folder)).find((name) => name.endsWith(".incr.aof"))!,
      );
      const { size } = await stat(log);
      await send(intake, chat, "b", "c");
      await world.store(side);
      await world.server.kill();
      await truncate(log, size + 10);
      await world.server.start();
      await eventually(() => side.redis.ping());
      expect(await send(intake, chat, "d")).to.deep.equal([4]);
      await world.store(side);
      expect(await world.stored(chat)).to.deep.equal({ 1: "a", 2: "b", 3: "c", 4: "d" });
    },
  },
  {
    promise: "a stale replica that is promoted reissues no stored number",
    guard: trustedHead,
    scenario: (world) =>
      withServer([], async (replica) => {
        const chat = await world.createChat();
        const side = await world.connect();
        const intake = side.intake();
        await send(intake, chat, "a");
        const link = await startProxy({ target: world.server.url });
        const other = await world.connect(replica);
        await other.redis.replicaof("127.0.0.1", link.port);
        await eventually(async () => {
          expect(await other.redis.info("replication")).to.include("master_link_status:up");
          expect(await other.redis.hget(`${world.prefix}head:${chat.token}:${chat.number}`, "last")).to.equal("1");
        });
        await link.cut();
        await world.store(side);
        await send(intake, chat, "b", "c");
        await world.store(side);
        await world.server.kill();
        await other.redis.replicaof("NO", "ONE");
        expect(await send(other.intake(), chat, "d")).to.deep.equal([4]);
        await link.close();
      }),
  },
  {
    promise: "what was learned before Redis lost everything is not believed after it",
    guard: { script: "accept", guard: "if learnedUnder == incarnation then", without: "if learnedUnder ~= '' then" },
    async scenario(world) {
      const chat = await world.createChat();
      const side = await world.connect();
      // The slow one has asked the database when it was still empty; meanwhile numbers are given out, stored, and forgotten.
      let meanwhile: (() => Promise<void>) | undefined = async () => {
        await send(side.intake(), chat, "a", "b");
        await world.store(side);
        await side.redis.flushall();
        await send(side.intake(), await world.createChat(), "other");
      };
      const slow = side.intake({
        learn: async () => {
          const rows = Object.keys(await world.stored(chat)).length;
          await meanwhile?.();
          meanwhile = undefined;
          return { id: chat.id, lastNumber: rows };
        },
      });
      expect(await send(slow, chat, "c")).to.deep.equal([3]);
    },
  },
  {
    promise: "a number that is stored between the look at the database and the look at Redis is not missed",
    guard: {
      script: "complete",
      guard: "redis.call('HSET', headKey, 'id', id, 'last', highest)",
      without: "",
    },
    async scenario(world) {
      const chat = await world.createChat();
      const side = await world.connect();
      await send(side.intake(), chat, "a", "b");
      // The head is lost, as an expired one is, while its messages are pending.
      await side.redis.del(`${world.prefix}head:${chat.token}:${chat.number}`);
      const slow = side.intake({
        learn: async () => {
          await world.store(side);
          return { id: chat.id, lastNumber: 0 };
        },
      });
      expect(await send(slow, chat, "c")).to.deep.equal([3]);
    },
  },
  {
    promise: "a head that is lost while messages are pending is found again from them",
    guard: { script: "accept", guard: "last = math.max(last, tonumber(number))", without: "" },
    async scenario(world) {
      const chat = await world.createChat();
      const side = await world.connect();
      const intake = side.intake();
      await send(intake, chat, "a", "b");
      await side.redis.del(`${world.prefix}head:${chat.token}:${chat.number}`);
      expect(await send(intake, chat, "c")).to.deep.equal([3]);
    },
  },
  {
    promise: "a refused message burns no number",
    guard: { script: "accept", guard: "result = 'limited'", without: "result = 'limited' last = last + 1" },
    async scenario(world) {
      const chat = await world.createChat();
      const side = await world.connect();
      const narrow = side.intake({ limits: { ...noLimits, applicationRate: 1, applicationBurst: 2 } });
      const outcomes = await Promise.all(
        ["a", "b", "c", "d"].map((body) =>
          narrow.submit({ token: chat.token, chat: chat.number, body, requestId: "r" }),
        ),
      );
      expect(outcomes.map(({ outcome }) => outcome)).to.deep.equal(["accepted", "accepted", "limited", "limited"]);
      expect(await send(side.intake(), chat, "e")).to.deep.equal([3]);
    },
  },
  {
    promise: "the same idempotency key gives one number",
    guard: { script: "accept", guard: "local seen = key ~= '' and", without: "local seen = false and" },
    async scenario(world) {
      const chat = await world.createChat();
      const intake = (await world.connect()).intake();
      const repeat = () =>
        intake.submit({
          token: chat.token,
          chat: chat.number,
          body: "x",
          requestId: "r",
          idempotency: { key: "k", hash: "h" },
        });
      const answers = await Promise.all(Array.from({ length: 50 }, repeat));
      expect(new Set(answers.map((answer) => answer.outcome === "accepted" && answer.number))).to.deep.equal(
        new Set([1]),
      );
    },
  },
];

describe("what the intake promises when things break", function () {
  this.timeout(60_000);
  for (const { promise, guard, scenario } of scenarios) {
    const run = async (mutation?: Mutation): Promise<void> => {
      const world = await createWorld(mutation);
      try {
        await scenario(world);
      } finally {
        await world.close();
      }
    };

    it(promise, () => run());

    it(`and not without its guard: ${promise}`, async () => {
      const error = await run(guard).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error, "the scenario passes although the guard is off")
        .to.be.instanceOf(Error)
        .with.property("name", "AssertionError");
    });
  }
});
