import { useForEach } from "@confab/testkit";
import { createBatchStore, type BatchStore } from "@confab/database";
import { createUuid7 } from "@confab/runtime";
import { expect } from "chai";
import { createStoreBatches, type StoreBatches } from "../src/handlers/store-batches.ts";
import { createStoreMetrics } from "../src/handlers/store-metrics.ts";
import { start } from "./start.ts";

class Broken extends Error {}

describe("messages that are stored when Redis has lost them", function () {
  this.timeout(30_000);
  const world = useForEach(start);
  const real = useForEach(() => createBatchStore(world.database));

  /** Creates a worker that does something else at some of its calls. It takes only the batches that it is given. */
  const createWorker = (calls: Partial<BatchStore>): StoreBatches => {
    const { backlogs, chats, producer, settings, tracer, logger, config } = world;
    return createStoreBatches({
      partition: 0,
      backlog: backlogs[0]!,
      chats,
      producer,
      settings,
      tracer,
      logger,
      sign: () => undefined,
      recent: { note: () => undefined },
      batchStore: { ...real, ...calls },
      shouldWait: (error) => error instanceof Broken,
      metrics: createStoreMetrics(world.metrics),
      maxRows: config.store.maxRows,
    });
  };
  const openBatches = () => world.backlogs[0]!.overdue(0, { offset: 0, limit: 100 });
  const changed = async (chat: { id: bigint }): Promise<number[]> => {
    const rows = await world.direct.prisma.messageChange.findMany({ where: { chatId: chat.id } });
    return rows.map(({ number }) => number);
  };
  /** Stores the first batches, does something, and then loses the connection. */
  const breakAfter = (then: (ids: readonly string[]) => Promise<unknown>): Partial<BatchStore> => {
    let isFirst = true;
    return {
      async store(batches) {
        const result = await real.store(batches);
        if (!isFirst) return result;
        isFirst = false;
        await then(batches.map(({ id }) => Buffer.from(id).toString("base64url")));
        throw new Broken();
      },
    };
  };

  it("are noted if the connection broke at the commit", async () => {
    const chat = await world.createChat();
    await world.send(chat, "late");
    await createWorker(breakAfter(() => world.loseMessages())).handle({ batches: await openBatches() });
    expect(await world.stored(chat)).to.deep.equal({ 1: "late" });
    expect(await changed(chat)).to.deep.equal([1]);
  });

  it("are noted if MySQL is unavailable after the commit", async () => {
    const chat = await world.createChat();
    await world.send(chat, "late");
    const store: typeof real.store = async (batches) => {
      await world.loseMessages();
      return real.store(batches);
    };
    let isAvailable = false;
    const noteLate: typeof real.noteLate = async (messages) => {
      if (isAvailable) return real.noteLate(messages);
      isAvailable = true;
      throw new Broken();
    };
    await createWorker({ store, noteLate }).handle({ batches: await openBatches() });
    expect(await changed(chat)).to.deep.equal([1]);
  });

  it("are not noted if Redis still knows them, or knows that they were stored", async () => {
    const chat = await world.createChat();
    await world.send(chat, "open");
    await createWorker(breakAfter(() => Promise.resolve())).handle({ batches: await openBatches() });
    await world.send(chat, "completed");
    await createWorker(breakAfter((ids) => world.backlogs[0]!.complete({ ids }))).handle({
      batches: await openBatches(),
    });
    expect(await world.stored(chat)).to.deep.equal({ 1: "open", 2: "completed" });
    expect(await changed(chat)).to.deep.equal([]);
  });

  it("keep their idempotency key, also if the client has repeated the request meanwhile and the worker ends", async () => {
    const chat = await world.createChat();
    const request = {
      token: world.token,
      chat: chat.number,
      body: "late",
      requestId: "r",
      idempotency: { key: createUuid7(), hash: "h".repeat(43) },
    };
    const submit = async () => (await world.submitRun([request]))[0];
    const first = await submit();
    expect(first).to.include({ number: 1, replayed: false });
    const store: typeof real.store = async (batches) => {
      await world.loseMessages();
      const keys = await world.redis.keys(`${world.prefix.slice(0, -5)}*idem:*`);
      await world.redis.del(...keys, ...(await world.redis.keys(`${world.prefix.slice(0, -5)}*keys-since`)));
      await world.send(chat, "other");
      expect(await submit()).to.include({ number: 2, replayed: false });
      return real.store(batches);
    };
    await createWorker({ store }).handle({ batches: await openBatches() });
    // The first worker that stores the repetition ends after its commit.
    await createWorker(breakAfter(() => Promise.resolve())).handle({ batches: await openBatches() });
    expect(await submit()).to.deep.include({ ...first, replayed: true });
    await createWorker({}).handle({ batches: await openBatches() });
    expect(await world.stored(chat)).to.deep.equal({ 1: "late", 2: "", 3: "other" });
    expect(await submit()).to.deep.include({ ...first, replayed: true });
  });

  it("are counted and logged as lost if other messages have their numbers", async () => {
    const chat = await world.createChat();
    await world.send(chat, "taken", "late");
    const now = new Date();
    const store: typeof real.store = async (batches) => {
      await world.loseMessages();
      await world.direct.prisma.message.create({
        data: {
          chatId: chat.id,
          number: 1,
          uid: Buffer.alloc(16, 1),
          body: "was here",
          createdAt: now,
          updatedAt: now,
        },
      });
      return real.store(batches);
    };
    await createWorker({ store }).handle({ batches: await openBatches() });
    expect(await world.stored(chat)).to.deep.equal({ 1: "was here", 2: "late" });
    expect(await changed(chat)).to.have.members([1, 2]);
    expect(await world.metric("confab_batches_lost_total")).to.equal(1);
    expect(await world.metric("confab_messages_renumbered_total")).to.equal(0);
    const errors = world.lines.filter(({ level }) => level === 50);
    expect(errors).to.have.length(1);
    expect(errors[0]).to.include({ number: 1, request_id: "request-of-taken", chat: chat.number });
    expect(errors[0]?.message).to.match(/^Redis lost an accepted message/);
  });

  it("are noted although their batch also has messages of a locked chat", async () => {
    const [chat, locked] = [await world.createChat(), await world.createChat()];
    const { token } = world;
    const sendBoth = () =>
      world.submitRuns([chat, locked].map(({ number }) => [{ token, chat: number, body: "late", requestId: "r" }]));
    // Together they are accepted once Redis knows both chats.
    await sendBoth();
    await createWorker({}).handle({ batches: await openBatches() });
    const storeBoth = async (lose: () => Promise<void>) => {
      await sendBoth();
      const [id, ...others] = await openBatches();
      expect(others).to.deep.equal([]);
      await world.direct.prisma.$transaction(
        async (holder) => {
          await holder.$queryRaw`SELECT id FROM chats WHERE id = ${locked.id} FOR UPDATE`;
          const store: typeof real.store = async (batches) => {
            await lose();
            return real.store(batches);
          };
          await createWorker({ store }).handle({ batches: [id!] });
        },
        { timeout: 20_000 },
      );
    };
    await storeBoth(() => Promise.resolve());
    expect(await changed(chat)).to.deep.equal([]);
    await createWorker({}).handle({ batches: await openBatches() });
    await storeBoth(() => world.loseMessages());
    expect(await world.stored(chat)).to.deep.equal({ 1: "late", 2: "late", 3: "late" });
    expect(await world.stored(locked)).to.deep.equal({ 1: "late", 2: "late" });
    expect(await changed(chat)).to.deep.equal([3]);
  });
});
