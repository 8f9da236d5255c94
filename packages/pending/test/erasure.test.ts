import { useForAll } from "@confab/testkit";
import { createErasures } from "@confab/database";
import { createPendingErasure, type Acceptance } from "@confab/pending";
import type { TestAcceptor } from "@confab/testkit/world";
import { expect } from "chai";
import { describeGuarded } from "./guarded.ts";
import { createWorld, noReadLimits, send, type Chat, type World } from "./world.ts";

/** Deletes the chat in MySQL and marks it in Redis, like the api. */
async function erase(world: World, chat: Chat): Promise<ReturnType<typeof createPendingErasure>> {
  const { redis } = await world.connect();
  await createErasures(world.database).eraseChat(chat.token, chat.number);
  const erasure = createPendingErasure(redis, world.partitioning);
  await erasure.block(chat.token, chat.number);
  return erasure;
}

const submit = async (acceptor: TestAcceptor, chat: Chat, key?: string): Promise<Acceptance["kind"]> => {
  const { kind } = await acceptor.submit({
    token: chat.token,
    chat: chat.number,
    body: "late",
    requestId: "r",
    ...(key !== undefined && { idempotency: { key, hash: "h" } }),
  });
  return kind;
};

describeGuarded("the acceptor of a deleted chat", [
  {
    promise: "accepts nothing, although Redis trusts its head",
    guard: { script: "accept", guard: "if erased then trusted = false end", without: "" },
    async scenario({ world, side }) {
      const [chat, other] = [await world.createChat(), await world.createChat()];
      const acceptor = side.acceptor();
      await send(acceptor, chat, "a");
      await erase(world, chat);
      expect(await submit(acceptor, chat)).to.equal("unknown-chat");
      expect(await send(acceptor, other, "b")).to.deep.equal([1]);
    },
  },
  {
    promise: "accepts nothing with a head that was loaded before the deletion",
    guard: { script: "accept", guard: "if erased then trusted = false end", without: "" },
    async scenario({ world, chat, side }) {
      let isFirst = true;
      const acceptor = side.acceptor({
        loadHead: async () => {
          if (!isFirst) return undefined;
          isFirst = false;
          await erase(world, chat);
          return { id: chat.id, lastNumber: 0, epoch: 0 };
        },
      });
      expect(await submit(acceptor, chat)).to.equal("unknown-chat");
    },
  },
  {
    promise: "gives no answer to a repeated idempotency key",
    guard: { script: "accept", guard: "if digest and not erased then", without: "if digest then" },
    async scenario({ world, chat, side }) {
      const acceptor = side.acceptor();
      expect(await submit(acceptor, chat, "k")).to.equal("accepted");
      await erase(world, chat);
      expect(await submit(acceptor, chat, "k")).to.equal("unknown-chat");
    },
  },
  {
    promise: "has no head after a batch is completed that was stored before the deletion",
    guard: {
      script: "complete",
      guard: "if anyErased and",
      without: "if false and",
    },
    async scenario({ world, chat, side }) {
      await send(side.acceptor(), chat, "a");
      const erasure = await erase(world, chat);
      await erasure.forgetChats(chat.token, [chat.number]);
      const ids = await side.backlog.overdue(0, { offset: 0, limit: 10 });
      await side.backlog.complete({ ids });
      expect(await side.redis.keys(`${world.prefix}head:*`)).to.deep.equal([]);
    },
  },
]);

/** Returns the epochs of a chat's pending messages. */
async function epochsOf(side: Awaited<ReturnType<World["connect"]>>): Promise<(number | undefined)[]> {
  const ids = await side.backlog.overdue(0, { offset: 0, limit: 100 });
  const { batches } = await side.backlog.read(ids, noReadLimits);
  return batches.flatMap(({ messages }) => messages.map(({ epoch }) => epoch));
}

describeGuarded("a pending message", [
  {
    promise: "has the epoch of its application in MySQL, if Redis has lost it",
    guard: { script: "accept", guard: "if tonumber(loadedEpoch) > epoch then", without: "if false then" },
    async scenario({ world, side }) {
      const [chat, other] = [await world.createChat(), await world.createChat()];
      const acceptor = side.acceptor();
      await send(acceptor, chat, "in the first epoch");
      await world.store(side);
      const { epoch } = (await createErasures(world.database).eraseSender(chat.token, "anna", { epochInRedis: 0 }))!;
      await side.redis.flushall();
      await send(acceptor, chat, "a");
      await send(acceptor, chat, "b");
      await send(acceptor, other, "c");
      expect(await epochsOf(side)).to.deep.equal([epoch, epoch, epoch]);
    },
  },
  {
    promise: "keeps its epoch when it is renumbered",
    guard: { script: "complete", guard: "newChats .. part.owner ..", without: "newChats .. chat.token .." },
    async scenario({ world, chat, side }) {
      const erasure = createPendingErasure(side.redis, world.partitioning);
      await erasure.beginEpoch(chat.token, 9_000_000_000_123);
      await send(side.acceptor(), chat, "a");
      const [id = ""] = await side.backlog.overdue(0, { offset: 0, limit: 1 });
      const move = { batchId: id, record: 1, chatId: chat.id, lastNumber: 7 };
      expect((await side.backlog.complete({ ids: [id], moves: [move] })).moved).to.deep.equal([8]);
      expect(await epochsOf(side)).to.deep.equal([9_000_000_000_123]);
    },
  },
  {
    promise: "is as old as its first batch when it is renumbered",
    guard: { script: "complete", guard: "string.format('%d', newScore)", without: "string.format('%d', clock)" },
    async scenario({ world, chat, side }) {
      await send(side.acceptor(), chat, "a");
      const [id = ""] = await side.backlog.overdue(0, { offset: 0, limit: 1 });
      await side.redis.zincrby(`${world.prefix}batches`, -60_000, id);
      await side.backlog.complete({ ids: [id], moves: [{ batchId: id, record: 1, chatId: chat.id, lastNumber: 0 }] });
      expect(await side.backlog.overdue(60_000, { offset: 0, limit: 1 })).to.have.length(1);
    },
  },
]);

describe("erasing what Redis holds", function () {
  this.timeout(60_000);
  const world = useForAll(createWorld);

  it("begins the latest epoch, although requests arrive in another order, and gives it to messages of all chats", async () => {
    const [chat, other] = [await world.createChat(), await world.createChat()];
    const foreign = await world.newChat();
    const side = await world.connect();
    const acceptor = side.acceptor();
    await send(acceptor, chat, "before");
    const erasure = createPendingErasure(side.redis, world.partitioning);
    await Promise.all([2, 10, 9].map((epoch) => erasure.beginEpoch(chat.token, epoch)));
    for (const each of [chat, other, foreign]) await send(acceptor, each, "after");
    expect(await epochsOf(side)).to.deep.equal([undefined, 10, 10, undefined]);
    await world.store(side);
    const rows = await world.database.prisma.message.findMany({ where: { chatId: { in: [chat.id, other.id] } } });
    expect(rows.map(({ epoch }) => epoch)).to.have.members([null, 10, 10]);
  });

  it("knows the chats with pending messages, and drops those when they are stored", async () => {
    const [chat, other] = [await world.createChat(), await world.createChat()];
    const side = await world.connect();
    await send(side.acceptor(), chat, "a");
    const erasure = await erase(world, chat);
    expect(await erasure.pendingAmong(chat.token, [chat.number, other.number])).to.deep.equal(new Set([chat.number]));
    await world.store(side);
    expect(await erasure.pendingAmong(chat.token, [chat.number, other.number])).to.deep.equal(new Set());
    expect(await world.stored(chat)).to.deep.equal({});
    expect(Number(await side.redis.get(`${world.prefix}pending`)), "the number of pending messages").to.equal(0);
  });

  it("counts no range of a batch that is not open as pending, and removes it", async () => {
    const chat = await world.createChat();
    const side = await world.connect();
    const key = `${world.prefix}pending:${chat.token}:${chat.number}`;
    await send(side.acceptor(), chat, "its line is lost", "b");
    const [first = "", second = ""] = await side.backlog.overdue(0, { offset: 0, limit: 10 });
    await side.redis.hset(`${world.prefix}batch:${first}`, "chats", "");
    await side.backlog.complete({ ids: [first] });
    const erasure = await erase(world, chat);
    expect(await erasure.pendingAmong(chat.token, [chat.number])).to.deep.equal(new Set([chat.number]));
    await side.backlog.complete({ ids: [second] });
    expect(await side.redis.llen(key), "the range that is left over").to.equal(1);
    expect(await erasure.pendingAmong(chat.token, [chat.number])).to.deep.equal(new Set());
    expect(await side.redis.exists(key)).to.equal(0);
  });

  it("leaves no key of a deleted application, and all keys of the others", async () => {
    const side = await world.connect();
    const acceptor = side.acceptor({
      limits: {
        maxPending: 0,
        // The bucket of a rate stays until it is full again, which takes longer than this test.
        applicationMessageRate: 1,
        applicationMessageBurst: 100,
        idempotencySeconds: 3600,
        maxIdempotencyKeys: 100,
        userShare: 1,
      },
    });
    const [mine, theirs] = [await world.newChat(), await world.newChat()];
    for (const chat of [mine, theirs]) {
      for (let key = 0; key < 50; key++) expect(await submit(acceptor, chat, `key ${key}`)).to.equal("accepted");
    }
    await world.store(side);
    const keysOf = async ({ token }: Chat) => (await side.redis.keys(`*${token}*`)).length;
    expect(await keysOf(mine)).to.be.above(40);
    const before = await keysOf(theirs);

    await createErasures(world.database).eraseApplication(mine.token);
    const erasure = createPendingErasure(side.redis, world.partitioning);
    await erasure.block(mine.token);
    expect(await submit(acceptor, mine)).to.match(/^unknown-/);
    await erasure.forgetChats(mine.token, [mine.number]);
    expect(await erasure.forgetApplication(mine.token)).to.be.above(40);
    expect(await side.redis.keys(`*${mine.token}*`)).to.deep.equal([]);
    expect(await keysOf(theirs)).to.equal(before);
    expect(await submit(acceptor, theirs)).to.equal("accepted");
  });

  it("forgets a mark when no process can hold a head from before it any more", async () => {
    const { redis } = await world.connect();
    const erasure = createPendingErasure(redis, world.partitioning);
    await redis.zadd(`${world.prefix}erased`, String(Date.now() - 9 * 24 * 3_600_000), "old");
    await erasure.block("new");
    expect(await redis.zrange(`${world.prefix}erased`, "0", "-1"))
      .to.include("new")
      .and.not.include("old");
  });
});
