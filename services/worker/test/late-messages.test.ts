import { createBatchStore, type BatchStore } from "@confab/database";
import { expect } from "chai";
import { createStoreBatches, type StoreBatches } from "../src/handlers/store-batches.ts";
import { createStoreMetrics } from "../src/handlers/store-metrics.ts";
import { start, type Running } from "./start.ts";

class Broken extends Error {}

describe("messages that are stored when Redis has lost them", function () {
  this.timeout(30_000);
  let world: Running;
  let real: BatchStore;
  beforeEach(async () => {
    world = await start();
    real = createBatchStore(world.database);
  });
  afterEach(() => world.close());

  /** A worker that does something else at some of its calls. It takes only the batches that it is given. */
  const createWorker = (calls: Partial<BatchStore>): StoreBatches => {
    const { backlogs, chats, producer, tracer, logger, config } = world;
    return createStoreBatches({
      ...{ partition: 0, backlog: backlogs[0]!, chats, producer, tracer, logger },
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
  /** Calls the first function the first time, and the second one from then on. */
  const firstly = <A extends unknown[], R>(first: (...args: A) => R, then: (...args: A) => R) => {
    let call = first;
    return (...args: A): R => {
      const now = call;
      call = then;
      return now(...args);
    };
  };

  it("are noted if the connection broke at the commit", async () => {
    const chat = await world.createChat();
    await world.send(chat, "late");
    const store = firstly<Parameters<BatchStore["store"]>, ReturnType<BatchStore["store"]>>(async (batches) => {
      await real.store(batches);
      await world.loseMessages();
      throw new Broken();
    }, real.store);
    await createWorker({ store: store as BatchStore["store"] }).handle(await openBatches());
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
    const noteLate = firstly<Parameters<BatchStore["noteLate"]>, Promise<void>>(
      () => Promise.reject(new Broken()),
      real.noteLate,
    );
    await createWorker({ store, noteLate }).handle(await openBatches());
    expect(await changed(chat)).to.deep.equal([1]);
  });

  it("are not noted if Redis still knows them, or knows that they were stored", async () => {
    const chat = await world.createChat();
    await world.send(chat, "open");
    const breakAfter = (then: (ids: readonly string[]) => Promise<unknown>): Partial<BatchStore> => {
      const store: typeof real.store = async (batches) => {
        await real.store(batches);
        await then(batches.map(({ id }) => Buffer.from(id).toString("base64url")));
        throw new Broken();
      };
      return { store: firstly<Parameters<typeof store>, ReturnType<typeof store>>(store, real.store) as typeof store };
    };
    await createWorker(breakAfter(() => Promise.resolve())).handle(await openBatches());
    await world.send(chat, "completed");
    await createWorker(breakAfter((ids) => world.backlogs[0]!.complete({ ids }))).handle(await openBatches());
    expect(await world.stored(chat)).to.deep.equal({ 1: "open", 2: "completed" });
    expect(await changed(chat)).to.deep.equal([]);
  });

  it("are noted although their batch also has messages of a locked chat", async () => {
    const [chat, locked] = [await world.createChat(), await world.createChat()];
    const { token } = world;
    const sendBoth = () =>
      world.submitRuns([chat, locked].map(({ number }) => [{ token, chat: number, body: "late", requestId: "r" }]));
    // Together they are accepted once Redis knows both chats.
    await sendBoth();
    await createWorker({}).handle(await openBatches());
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
          await createWorker({ store }).handle([id!]);
        },
        { timeout: 20_000 },
      );
    };
    await storeBoth(() => Promise.resolve());
    expect(await changed(chat)).to.deep.equal([]);
    await createWorker({}).handle(await openBatches());
    await storeBoth(() => world.loseMessages());
    expect(await world.stored(chat)).to.deep.equal({ 1: "late", 2: "late", 3: "late" });
    expect(await world.stored(locked)).to.deep.equal({ 1: "late", 2: "late" });
    expect(await changed(chat)).to.deep.equal([3]);
  });
});
