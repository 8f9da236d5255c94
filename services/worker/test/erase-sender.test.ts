import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createBatchStore, createErasures, createErasureWork, createMessages, createHorizons } from "@confab/database";
import { createPendingErasure } from "@confab/pending";
import { eventually, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { createErasing } from "../src/schedules/erase.ts";
import { start, type Running } from "./start.ts";

type Chat = Awaited<ReturnType<Running["createChat"]>>;

describe("the erasure of a sender", function () {
  this.timeout(60_000);
  const world = useForEach(() => start({ ERASURE_SETTLE_TIME: "500ms" }));
  const erasures = useForEach(() => createErasures(world.direct));

  /** Requests the erasure like the api. */
  async function request(sender: string, token = world.token): Promise<void> {
    const pendingErasure = createPendingErasure(world.redis, world.config.partitioning);
    const { epoch } = (await erasures.eraseSender(token, sender, {
      epochInRedis: await pendingErasure.epochOf(token),
    }))!;
    await pendingErasure.beginEpoch(token, epoch);
  }

  const finished = (sender: string) =>
    eventually(async () => expect((await erasures.findSender(world.token, sender))?.finishedAt).to.not.equal(null), {
      timeoutMs: 30_000,
    });

  const bodiesOf = async ({ id }: Chat) =>
    (await createMessages(world.direct).range(id, { limit: 100 })).map(({ body }) => body);

  /** Submits a message like a process whose clock is ahead by this many hours. */
  async function submitAt(hours: number, chat: Chat, body: string): Promise<void> {
    const now = Date.now;
    Date.now = () => now() + hours * 3_600_000;
    try {
      expect((await world.submit(chat, body, "anna")).kind).to.equal("accepted");
    } finally {
      Date.now = now;
    }
  }

  it("erases what was accepted before the request and nothing else, although the clocks of the processes differ", async () => {
    const chat = await world.createChat();
    await submitAt(1, chat, "stored, by a clock that is ahead");
    world.run();
    await eventually(async () => expect(await bodiesOf(chat)).to.have.length(1));
    await world.pause();
    await submitAt(1, chat, "pending, by a clock that is ahead");
    await request("anna");
    await submitAt(-1, chat, "late, by a clock that is behind");
    world.run();
    await finished("anna");
    expect(await bodiesOf(chat)).to.deep.equal(["", "", "late, by a clock that is behind"]);
  });

  it("keeps what was accepted after the request, although Redis has forgotten the request", async () => {
    const chat = await world.createChat();
    await submitAt(0, chat, "before");
    world.run();
    await eventually(async () => expect(await bodiesOf(chat)).to.have.length(1));
    await world.pause();
    await request("anna");
    const keys = await world.redis.keys(`${world.prefix}*`);
    await world.redis.unlink(keys);
    await submitAt(0, chat, "after");
    world.run();
    await finished("anna");
    expect(await bodiesOf(chat)).to.deep.equal(["", "after"]);
  });

  it("erases what was accepted in an epoch that MySQL has lost, and keeps what was accepted after the request", async () => {
    const chat = await world.createChat();
    // The epoch is far above the one that MySQL begins next, like after a clock that was ahead.
    const pendingErasure = createPendingErasure(world.redis, world.config.partitioning);
    await pendingErasure.beginEpoch(world.token, 900_000_000_000);
    await submitAt(0, chat, "before");
    await request("anna");
    await submitAt(0, chat, "after");
    world.run();
    await finished("anna");
    expect(await bodiesOf(chat)).to.deep.equal(["", "after"]);
  });

  it("keeps what was accepted after the request, although MySQL has lost later epochs and the mark of this one", async () => {
    const chat = await world.createChat();
    await submitAt(0, chat, "before");
    await request("anna");
    const { epoch } = (await erasures.findSender(world.token, "anna"))!;
    await submitAt(0, chat, "after");
    await request("ben");
    await submitAt(0, chat, "after the other request");
    const { prisma } = world.direct;
    await prisma.erasure.deleteMany({ where: { token: world.token, sender: Buffer.from("ben") } });
    await prisma.application.update({ where: { token: world.token }, data: { epoch: epoch! } });
    world.run();
    await finished("anna");
    expect(await bodiesOf(chat)).to.deep.equal(["", "after", "after the other request"]);
  });

  it("leaves the read horizons that move after the request, and ends although they move again", async () => {
    const [chat, untouched] = [await world.createChat(), await world.createChat()];
    const reads = createHorizons(world.direct);
    await world.send(chat, ...Array.from({ length: 9 }, (_, at) => `message ${at}`));
    await world.send(untouched, "one");
    world.run();
    await eventually(async () =>
      expect([await bodiesOf(chat), await bodiesOf(untouched)].map(({ length }) => length)).to.deep.equal([9, 1]),
    );
    await reads.advance(chat.id, "anna", 2);
    await reads.advance(chat.id, "ben", 2);
    await reads.advance(untouched.id, "anna", 1);
    await world.pause();
    await request("anna");
    world.run();
    const reader = { isReading: true };
    let last = 2;
    const reading = (async () => {
      for (let turn = 0; reader.isReading; turn++) {
        last = Math.min(9, 3 + Math.floor(turn / 10));
        expect(await reads.advance(chat.id, "anna", last)).to.include({ number: last });
        await sleep(20);
      }
    })();
    await finished("anna");
    reader.isReading = false;
    await reading;
    expect(await reads.find(chat.id, "anna")).to.include({ number: last });
    expect(await reads.find(untouched.id, "anna"), "older than the request").to.equal(undefined);
    expect(await reads.find(chat.id, "ben")).to.include({ number: 2 });
  });

  /** Stores one message in each of `count` new chats of an application. */
  async function fill(token: string, count: number, sender: (at: number) => string): Promise<void> {
    const { prisma } = world.direct;
    const { id: applicationId } = await prisma.application.findUniqueOrThrow({ where: { token } });
    const at = new Date();
    const dates = { createdAt: at, updatedAt: at };
    await prisma.chat.createMany({
      data: Array.from({ length: count }, (_, i) => ({ applicationId, number: i + 2, lastMessageNumber: 1, ...dates })),
    });
    const chats = await prisma.chat.findMany({ where: { applicationId, number: { gt: 1 } }, orderBy: { id: "asc" } });
    await prisma.message.createMany({
      data: chats.map(({ id }, i) => ({
        chatId: id,
        number: 1,
        uid: randomBytes(16),
        body: "text",
        sender: Buffer.from(sender(i)),
        ...dates,
      })),
    });
  }

  const erasing = (options: Partial<Parameters<typeof createErasing>[0]> = {}) =>
    createErasing({
      work: createErasureWork(world.direct),
      pendingErasure: createPendingErasure(world.redis, world.config.partitioning),
      hasPending: () => Promise.resolve(false),
      rowsPerSecond: 5_000,
      settleMs: 0,
      metrics: world.metrics,
      logger: world.logger,
      ...options,
    });

  it("takes time for what it finds, not for each chat, and does not hold up another application", async () => {
    const { token } = await world.newChat();
    await fill(token, 1_500, (at) => (at === 1_200 ? "anna" : "ben"));
    for (const sender of ["anna", ...Array.from({ length: 9 }, () => randomUUID())]) await request(sender, token);
    const other = await world.newChat();
    await createBatchStore(world.direct).store([
      {
        id: randomBytes(16),
        messages: [
          {
            token: other.token,
            chat: other.number,
            chatId: other.id,
            number: 1,
            uid: randomBytes(16),
            body: "x",
            createdAt: new Date(),
          },
        ],
      },
    ]);
    await erasures.eraseChat(other.token, other.number);
    const began = performance.now();
    const ended: { token: string; ms: number }[] = [];
    const work = createErasureWork(world.direct);
    const run = erasing({
      work: {
        ...work,
        finish: async (erasure) => {
          await work.finish(erasure);
          ended.push({ token: erasure.token, ms: performance.now() - began });
        },
      },
    });
    await world.direct.prisma.searchOutboxEntry.deleteMany();
    await eventually(
      async () => {
        await run.run();
        expect(ended).to.have.length(11);
      },
      { timeoutMs: 50_000 },
    );
    expect(
      ended.findIndex((erasure) => erasure.token === other.token),
      "before the last ones of the other",
    ).to.be.below(9);
    expect(await world.direct.prisma.message.count({ where: { sender: null, deletedAt: { not: null } } })).to.equal(1);
  });

  it("sets the marks of all open erasures before it carries out any", async () => {
    const chats = [await world.newChat(), await world.newChat()];
    for (const { token, number } of chats) await erasures.eraseChat(token, number);
    const { epoch } = (await erasures.eraseSender(world.token, "anna", { epochInRedis: 0 }))!;
    const work = createErasureWork(world.direct);
    const marks: unknown[] = [];
    const run = erasing({
      work: {
        ...work,
        claim: async () => {
          marks.push(
            (await world.redis.zrange(`${world.prefix}erased`, "0", "-1")).sort(),
            await world.redis.hgetall(`${world.prefix}epochs`),
          );
          throw new Error("the worker died");
        },
      },
    });
    expect(await run.run().catch((error: unknown) => (error as Error).message)).to.equal("the worker died");
    expect(marks).to.deep.equal([
      chats.map(({ token, number }) => `${token}:${number}`).sort(),
      { [world.token]: String(epoch) },
    ]);
  });

  it("continues in the middle of a chat when its turn is over", async () => {
    const chat = await world.createChat();
    const { prisma } = world.direct;
    const at = new Date();
    await prisma.message.createMany({
      data: [12_000, 24_000].map((number) => ({
        chatId: chat.id,
        number,
        uid: randomBytes(16),
        body: "t",
        createdAt: at,
        updatedAt: at,
        sender: Buffer.from("anna"),
      })),
    });
    await prisma.chat.update({ where: { id: chat.id }, data: { lastMessageNumber: 25_000, messagesCount: 2 } });
    await request("anna");
    const work = createErasureWork(world.direct);
    const steps: [chat: number, number: number][] = [];
    let run: ReturnType<typeof erasing>;
    for (let turn = 0; turn < 30 && !(await erasures.findSender(world.token, "anna"))?.finishedAt; turn++) {
      run = erasing({
        work: {
          ...work,
          advance: async (erasure, nextChat, next) => {
            await work.advance(erasure, nextChat, next);
            steps.push([nextChat, next]);
            run.stop();
          },
        },
      });
      await run.run();
      await sleep(5);
    }
    const next = chat.number + 1;
    const pass = [
      [chat.number, 10_001],
      [chat.number, 20_001],
      [next, 1],
    ];
    expect(steps).to.deep.equal([...pass, ...pass]);
    expect(await prisma.message.count({ where: { chatId: chat.id, deletedAt: { not: null }, sender: null } })).to.equal(
      2,
    );
  });
});
