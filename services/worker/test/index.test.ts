import { randomBytes } from "node:crypto";
import { createBatchStore, createChats, createErasures, createMessages, createOutbox } from "@confab/database";
import { countDocuments, isElasticsearch } from "@confab/search";
import { eventually, testStores, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { createIndexMessages } from "../src/handlers/index-messages.ts";
import { start } from "./start.ts";

describe("indexing stored messages", function () {
  this.timeout(30_000);
  const world = useForEach(start);

  const find = async (chat: { id: bigint }, q: string): Promise<number[]> => {
    const { hits } = await world.search.search({ chatId: chat.id, q, limit: 10 });
    return hits.map(({ number }) => number);
  };

  it("recreates an index that is lost while the worker runs", async () => {
    const chat = await world.createChat();
    await world.send(chat, "before");
    world.run();
    await eventually(async () => expect(await find(chat, "before")).to.deep.equal([1]));
    const url = testStores().elasticsearchUrl;
    const alias = world.config.search.name;
    const indices = (await (await fetch(`${url}/_alias/${alias}`)).json()) as object;
    for (const index of Object.keys(indices)) await fetch(`${url}/${index}`, { method: "DELETE" });
    await world.send(chat, "afterwards");
    await eventually(
      async () =>
        expect(await find(chat, "terwar"), "found inside a word, which needs Confab's own mapping").to.deep.equal([2]),
      { timeoutMs: 20_000 },
    );
    expect(await world.metric("confab_index_recreated_total"), "message 1 is in no index").to.equal(1);
  });

  it("counts no lost index where nothing was indexed before", async () => {
    const chat = await world.createChat();
    world.run();
    await world.send(chat, "first");
    await eventually(async () => expect(await find(chat, "first")).to.deep.equal([1]));
    expect(await world.metric("confab_index_recreated_total")).to.equal(0);
  });

  it("stops after the bulk request under way, although the outbox is not empty", async () => {
    const { id: chatId } = await world.createChat();
    const createdAt = new Date();
    const ranges = Array.from({ length: 20_000 }, (_, at) => ({
      chatId,
      fromNumber: at + 1,
      toNumber: at + 1,
      bytes: 1,
      createdAt,
    }));
    await world.direct.prisma.searchOutboxEntry.createMany({ data: ranges });
    const depth = () => world.direct.prisma.searchOutboxEntry.count();
    world.run();
    await eventually(async () => expect(await depth()).to.be.below(ranges.length));
    await world.pause();
    expect(await depth()).to.be.above(0);
  });

  it("reads messages again before it sends them, if the process stood still meanwhile", async () => {
    const chat = await world.createChat();
    const message = { token: world.token, chat: chat.number, chatId: chat.id, uid: randomBytes(16), body: "secret" };
    await createBatchStore(world.direct).store([
      { id: randomBytes(16), messages: [{ ...message, number: 1, createdAt: new Date() }] },
    ]);
    const messages = createMessages(world.direct);
    const { now } = Date;
    let reads = 0;
    const index = createIndexMessages({
      outbox: createOutbox(world.direct),
      chats: createChats(world.direct),
      metrics: world.metrics,
      logger: world.logger,
      search: world.search,
      isUnavailable: () => false,
      messages: {
        states: (keys) => messages.states(keys),
        inRanges: async (ranges) => {
          const rows = await messages.inRanges(ranges);
          reads += ranges.length;
          if (reads > 1) return rows;
          // While this worker is suspended, another one erases the chat and deletes its documents.
          await createErasures(world.direct).eraseChat(chat.token, chat.number);
          await world.direct.prisma.message.deleteMany({ where: { chatId: chat.id } });
          Date.now = () => now() + 3_600_000;
          return rows;
        },
      },
    });
    try {
      await index.run();
    } finally {
      Date.now = now;
    }
    expect(reads).to.equal(2);
    expect(await find(chat, "secret")).to.deep.equal([]);
    if (!isElasticsearch(world.search)) throw new Error("the tests need Elasticsearch");
    expect([...(await countDocuments(world.search, [chat.id])).values()]).to.deep.equal([0]);
  });

  it("reads no message where searches read the rows", async () => {
    const chat = await world.createChat();
    const message = { token: world.token, chat: chat.number, chatId: chat.id, uid: randomBytes(16), body: "a row" };
    await createBatchStore(world.direct).store([
      { id: randomBytes(16), messages: [{ ...message, number: 1, createdAt: new Date() }] },
    ]);
    const outbox = createOutbox(world.direct);
    const index = createIndexMessages({
      outbox,
      chats: createChats(world.direct),
      metrics: world.metrics,
      logger: world.logger,
      messages: {
        inRanges: () => Promise.reject(new Error("read")),
        states: () => Promise.reject(new Error("read again")),
      },
      search: { kind: "mysql", prepare: () => Promise.resolve(false), index: () => Promise.reject(new Error("sent")) },
      isUnavailable: () => false,
    });
    await index.run();
    expect(await outbox.depth()).to.equal(0);
  });

  it("indexes every message of a range that is longer than one bulk request", async () => {
    const chat = await world.createChat();
    const messages = Array.from({ length: 2003 }, (_, index) => ({
      token: world.token,
      chat: chat.number,
      chatId: chat.id,
      number: index + 1,
      uid: randomBytes(16),
      body: `m${index + 1}z`,
      createdAt: new Date(),
    }));
    await createBatchStore(world.direct).store([{ id: randomBytes(16), messages }]);
    world.run();
    await eventually(
      async () => {
        for (const number of [1, 1000, 1001, 1002, 2000, 2001, 2003])
          expect(await find(chat, `m${number}z`)).to.include(number);
      },
      { timeoutMs: 20_000 },
    );
    expect(await world.metric("confab_messages_indexed_total")).to.equal(2003);
  });
});
