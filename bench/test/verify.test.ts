import { expect } from "chai";
import { createDatabase, migrate } from "@confab/database";
import { createElasticsearchIndex } from "@confab/search";
import { createTestDatabase, hasElasticsearch, testStores, uniquePrefix } from "@confab/testkit";
import { confab } from "../src/designs/confab.ts";
import { bodiesOf, createTarget, type Target } from "../src/load/messages.ts";
import { compileServices } from "../src/services.ts";
import { everyMessage, faultsOfCount, faultsOfIndex, readPending, readStored } from "../src/verify.ts";
import type { Stores } from "../src/world.ts";

describe("the verification of a measurement", () => {
  let stores: Stores;
  let target: Target;
  let drop: () => Promise<void>;

  before(async () => {
    const own = await createTestDatabase();
    await migrate(own.url);
    const database = createDatabase({ url: own.url });
    stores = { redisUrl: testStores().redisUrl, databaseUrl: own.url, database, pids: { redis: 0, mysql: 0 } };
    drop = async () => {
      await database.close();
      await own.drop();
    };
  });

  after(() => drop());

  beforeEach(async () => {
    await stores.database.prisma.message.deleteMany();
    target = await createTarget(stores, 2);
  });

  /** Stores messages in the first chat, and counts them. */
  async function store(messages: Record<number, string>, messagesCount = Object.keys(messages).length): Promise<void> {
    const { prisma } = stores.database;
    const where = { number: 1, application: { token: target.token } };
    const { id: chatId } = await prisma.chat.findFirstOrThrow({ where });
    const [createdAt, updatedAt] = [new Date(), new Date()];
    const uid = new Uint8Array(16);
    const data = Object.entries(messages).map(([number, body]) => ({
      chatId,
      number: Number(number),
      uid,
      body,
      createdAt,
      updatedAt,
    }));
    await prisma.message.createMany({ data });
    await prisma.chat.updateMany({ where, data: { messagesCount } });
  }

  it("accepts rows that are numbered 1 to N, with texts that were sent, and counted", async () => {
    const [a, b] = bodiesOf(1) as [string, string];
    await store({ 1: a, 2: b });
    const { chats, faults } = await readStored(stores, target);
    expect(faults).to.deep.equal([]);
    expect(chats.map(({ count }) => count)).to.deep.equal([2, 0]);
  });

  it("finds a hole, a text of another chat, and a wrong count", async () => {
    const [a] = bodiesOf(1) as [string];
    await store({ 1: a, 3: a });
    expect((await readStored(stores, target)).faults).to.have.length(1);
    target = await createTarget(stores, 2);
    await store({ 1: bodiesOf(2)[0]! });
    expect((await readStored(stores, target)).faults).to.have.length(1);
    target = await createTarget(stores, 2);
    await store({ 1: a }, 2);
    expect((await readStored(stores, target)).faults).to.deep.equal(["chat 1 counts 2 messages and has 1"]);
  });

  it("compares pending messages with stored ones by their numbers and texts", async () => {
    await compileServices();
    const ingest = await confab.startIngest(stores);
    const send = async (body: string) => {
      const message = { application_token: target.token, chat_number: 1, body };
      const headers = { "Content-Type": "application/json" };
      const { status } = await fetch(`${ingest.url}/messages`, {
        method: "POST",
        headers,
        body: JSON.stringify(message),
      });
      expect(status).to.equal(201);
    };
    try {
      const [a, b] = bodiesOf(1) as [string, string];
      await send(a);
      await send(b);
      const pending = await readPending(stores, target);
      expect(pending.faults).to.deep.equal([]);
      expect(await confab.readHeld(stores, target)).to.deep.equal({ messages: 2, faults: [] });
      await store({ 1: a, 2: b });
      expect((await readStored(stores, target)).chats).to.deep.equal(pending.chats);
      await store({ 3: a });
      expect((await readStored(stores, target)).chats).not.to.deep.equal(pending.chats);
      await send("another text");
      expect((await readPending(stores, target)).faults).to.have.length(1);
    } finally {
      await ingest.stop();
    }
  });

  if (hasElasticsearch())
    it("finds messages that the search index lacks, has too many, or has differently", async () => {
      const name = uniquePrefix("bench");
      const search = createElasticsearchIndex({ url: testStores().elasticsearchUrl, name });
      const { client } = search.connection;
      try {
        const [a, b] = bodiesOf(1) as [string, string];
        await store({ 1: a, 2: b, 3: a });
        await search.prepare();
        for await (const messages of everyMessage(stores)) await search.index(messages.slice(0, 2));
        expect(await faultsOfIndex(stores, search)).to.deep.equal(["1 documents of the search index are missing"]);
        for await (const messages of everyMessage(stores)) await search.index(messages);
        expect(await faultsOfIndex(stores, search)).to.deep.equal([]);
        await stores.database.prisma.message.updateMany({ where: { number: 1 }, data: { body: b } });
        await stores.database.prisma.message.deleteMany({ where: { number: 3 } });
        expect(await faultsOfIndex(stores, search)).to.deep.equal([
          "1 documents of the search index are extra",
          "1 documents of the search index are different",
        ]);
      } finally {
        await client.indices.delete({ index: Object.keys(await client.indices.getAlias({ name })) });
        await search.close();
      }
    });

  it("allows one open request per connection and no more", () => {
    const isRight = (held: number) => faultsOfCount(held, 100, 64).length === 0;
    expect([99, 100, 164, 165].map(isRight)).to.deep.equal([false, true, true, false]);
  });
});
