import { randomBytes } from "node:crypto";
import { createBatchStore, createMessageChanges, createMessages, createSearchBackend } from "@confab/database";
import { useEnding, eventually, testStores } from "@confab/testkit";
import { expect } from "chai";
import { start, type Running } from "./start.ts";

const endAfterTest = useEnding();

const frequent = { INDEX_RECONCILE_INTERVAL: "100ms" };
const rare = { INDEX_RECONCILE_INTERVAL: "1h" };

describe("the search index and the database", function () {
  this.timeout(60_000);
  const started = async (env: Record<string, string> = {}): Promise<Running> =>
    endAfterTest(await start({ ...frequent, ...env }));

  const find = async ({ search }: Running, chat: { id: bigint }, q: string): Promise<number[]> =>
    (await search.search({ chatId: chat.id, q, limit: 10 })).hits.map(({ number }) => number);
  const documentOf = ({ config }: Running, { id }: { id: bigint }): string =>
    `${testStores().elasticsearchUrl}/${config.search.name}/_doc/${id}-1?routing=${id}&refresh=true`;
  const indexed = (world: Running, chat: { id: bigint }, q: string, numbers: readonly number[]) =>
    eventually(async () => expect(await find(world, chat, q)).to.deep.equal(numbers), { timeoutMs: 20_000 });

  it("match again after a range never reached the index, and only that range is indexed again", async () => {
    const world = await started();
    const chat = await world.createChat();
    const messages = Array.from({ length: 1_200 }, (_, at) => ({
      token: world.token,
      chat: chat.number,
      chatId: chat.id,
      number: at + 1,
      uid: randomBytes(16),
      body: `text ${at + 1}`,
      createdAt: new Date(),
    }));
    const store = createBatchStore(world.direct);
    const parts = [messages.slice(0, 700), messages.slice(700, 701), messages.slice(701)];
    for (const part of parts) await store.store([{ id: randomBytes(16), messages: part }]);
    // Simulates a worker that has taken the range and not indexed it.
    await world.direct.prisma.searchOutboxEntry.deleteMany({ where: { fromNumber: 701 } });
    world.run();
    await indexed(world, chat, "text 1200", [1200]);
    await indexed(world, chat, "text 701", [701]);
    expect(await world.metric("confab_index_missing_total")).to.equal(1);
    expect(world.lines.filter(({ messages: count, first }) => count === 1 && first === 701)).to.have.lengthOf(1);
  });

  it("match again after the index got documents of deleted messages back", async () => {
    const world = await started();
    const chat = await world.createChat();
    world.run();
    await world.send(chat, "secret", "public");
    await indexed(world, chat, "secret", [1]);
    const documents = await world.documentsOf(chat);
    await createMessageChanges(world.direct).remove({ chatId: chat.id, number: 1 });
    await indexed(world, chat, "secret", []);
    // Simulates a restored snapshot of the index: the old document, with a version above that of the deletion.
    const url = documentOf(world, chat);
    const source = await (await fetch(url.replace("-1?", "-2?").replace("&refresh=true", ""))).json();
    const old = { ...(source as { _source: object })._source, number: 1, body: "secret" };
    const uid = Buffer.from(documents[0]!.uid).toString("base64url");
    const { status } = await fetch(url, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...old, uid, version: 1, folded: "secret" }),
    });
    expect(status).to.be.oneOf([200, 201]);
    expect(await find(world, chat, "secret")).to.deep.equal([1]);
    await indexed(world, chat, "secret", []);
    expect(JSON.stringify(world.lines)).to.include("deleted messages were still in the search index");
  });

  it("match again after the database lost messages, among others and at the end of a chat", async () => {
    const world = await started();
    const [chat, other] = [await world.createChat(), await world.createChat()];
    world.run();
    await world.send(chat, "one", "two", "three", "four");
    await world.send(other, "one");
    await indexed(world, chat, "four", [4]);
    // Simulates a restored backup in which the third message is the last of the chat.
    await world.direct.prisma.message.deleteMany({ where: { chatId: chat.id, number: { in: [2, 4] } } });
    await world.direct.prisma.chat.update({
      where: { id: chat.id },
      data: { messagesCount: 2, numbersSum: 4, lastMessageNumber: 3 },
    });
    await indexed(world, chat, "four", []);
    await indexed(world, chat, "two", []);
    expect(await find(world, chat, "three")).to.deep.equal([3]);
    expect(await find(world, other, "one")).to.deep.equal([1]);
    expect(JSON.stringify(world.lines)).to.include("messages that the database does not have");
  });

  /**
   * Saves the state of a chat. The returned function makes the database lose all messages and changes of the chat since
   * this call.
   */
  async function lossOf({ direct: { prisma } }: Running, { id }: { id: bigint }): Promise<() => Promise<void>> {
    const rows = await prisma.message.findMany({ where: { chatId: id } });
    const chat = await prisma.chat.findUniqueOrThrow({ where: { id } });
    return () =>
      prisma.$transaction(async (tx) => {
        await tx.message.deleteMany({ where: { chatId: id } });
        await tx.message.createMany({ data: rows });
        await tx.chat.update({ where: { id }, data: chat });
        await tx.messageVersion.deleteMany({ where: { chatId: id } });
        await tx.messageChange.deleteMany({ where: { chatId: id, changeNumber: { gt: chat.lastChangeNumber } } });
      });
  }

  it("match again after the database lost edits and deletions", async () => {
    const world = await started();
    const chat = await world.createChat();
    world.run();
    await world.send(chat, "one", "two", "three");
    await indexed(world, chat, "three", [3]);
    const lose = await lossOf(world, chat);
    const changes = createMessageChanges(world.direct);
    await changes.edit({ chatId: chat.id, number: 1 }, { body: "lost" });
    await changes.remove({ chatId: chat.id, number: 2 });
    await indexed(world, chat, "lost", [1]);
    await indexed(world, chat, "two", []);
    await lose();
    await indexed(world, chat, "one", [1]);
    await indexed(world, chat, "two", [2]);
    expect(await find(world, chat, "lost")).to.deep.equal([]);
    expect(JSON.stringify(world.lines)).to.include("changes that the database has lost");
  });

  it("match after the database lost edits and the messages were edited again", async () => {
    const world = await started(rare);
    const chat = await world.createChat();
    world.run();
    await world.send(chat, "one", "two");
    await indexed(world, chat, "two", [2]);
    const lose = await lossOf(world, chat);
    const changes = createMessageChanges(world.direct);
    for (const body of ["lost", "lost again"]) await changes.edit({ chatId: chat.id, number: 1 }, { body });
    await changes.remove({ chatId: chat.id, number: 2 });
    await indexed(world, chat, "lost again", [1]);
    await indexed(world, chat, "two", []);
    await lose();
    await changes.edit({ chatId: chat.id, number: 1 }, { body: "fresh" });
    await changes.edit({ chatId: chat.id, number: 2 }, { body: "fresh" });
    await indexed(world, chat, "fresh", [2, 1]);
    expect(await find(world, chat, "lost")).to.deep.equal([]);
  });

  const five = [1, 2, 3, 4, 5].map((number) => `base ${number}`);
  /** Starts a worker that uses the same stores and reconciles. */
  const reconcileOf = async ({ config }: Running): Promise<Running> => {
    const { database, search, partitioning } = config;
    const [SEARCH_INDEX, REDIS_KEY_PREFIX] = [search.name, partitioning.prefix];
    const world = await started({ DATABASE_URL: database.url, SEARCH_INDEX, REDIS_KEY_PREFIX });
    world.run();
    return world;
  };
  /** Expects that the walk finds no lost changes any more. The other chat shows that the walk has passed all chats. */
  async function expectEnd(world: Running, other: { id: bigint }): Promise<void> {
    const counts: number[] = [];
    // The walk in the first round may have begun before the latest documents were searchable.
    for (let round = 1; round <= 3; round++) {
      expect((await fetch(documentOf(world, other), { method: "DELETE" })).status).to.equal(200);
      await indexed(world, other, "other", [1]);
      counts.push(JSON.stringify(world.lines).split("changes that the database has lost").length);
    }
    expect(counts[2], "walks that found lost changes").to.equal(counts[0]);
  }

  it("match again after the database lost a deletion and a message, which leaves the counts equal", async () => {
    const world = await started(rare);
    const [plain, edited, other] = [await world.createChat(), await world.createChat(), await world.createChat()];
    world.run();
    await world.send(other, "other");
    const changes = createMessageChanges(world.direct);
    for (const chat of [plain, edited]) {
      await world.send(chat, ...five);
      await indexed(world, chat, "base", [5, 4, 3, 2, 1]);
      const lose = await lossOf(world, chat);
      await changes.remove({ chatId: chat.id, number: 3 });
      await world.send(chat, "base 6");
      await indexed(world, chat, "base", [6, 5, 4, 2, 1]);
      for (const number of chat === edited ? [1, 6] : [])
        await changes.edit({ chatId: chat.id, number }, { body: "base edited" });
      await indexed(world, chat, "edited", chat === edited ? [6, 1] : []);
      await lose();
    }
    await world.send(edited, "base 7");
    await indexed(world, edited, "base", [7, 6, 5, 4, 2, 1]);
    await world.pause();
    const reconciling = await reconcileOf(world);
    await indexed(reconciling, plain, "base", [5, 4, 3, 2, 1]);
    await indexed(reconciling, edited, "base", [7, 5, 4, 3, 2, 1]);
    const first = String(reconciling.lines.find((line) => line.chat === edited.number)?.message);
    expect(first, "one walk has found what is missing and what was edited").to.include("messages were missing");
    await expectEnd(reconciling, other);
  });

  it("match again after losses of which the index has as many messages, and their numbers the same sum", async () => {
    const world = await started(rare);
    const [chat, other] = [await world.createChat(), await world.createChat()];
    world.run();
    await world.send(other, "other");
    await world.send(chat, ...five);
    await indexed(world, chat, "base", [5, 4, 3, 2, 1]);
    const changes = createMessageChanges(world.direct);
    const loseFirst = await lossOf(world, chat);
    await world.send(chat, "base 6");
    await indexed(world, chat, "6", [6]);
    await changes.edit({ chatId: chat.id, number: 6 }, { body: "base edited" });
    await indexed(world, chat, "edited", [6]);
    await loseFirst();
    await world.send(chat, "base 7", "base 8");
    await indexed(world, chat, "base", [8, 7, 6, 5, 4, 3, 2, 1]);
    const lose = await lossOf(world, chat);
    for (const number of [7, 8]) await changes.remove({ chatId: chat.id, number });
    await world.send(chat, "base 9");
    await indexed(world, chat, "base", [9, 6, 5, 4, 3, 2, 1]);
    await lose();
    await world.send(chat, "base 10");
    await indexed(world, chat, "base", [10, 9, 6, 5, 4, 3, 2, 1]);
    await world.pause();
    const reconciling = await reconcileOf(world);
    await indexed(reconciling, chat, "base", [10, 8, 7, 5, 4, 3, 2, 1]);
    await expectEnd(reconciling, other);
  });

  it("match again after the index was lost", async () => {
    const world = await started();
    const [one, other] = [await world.createChat(), await world.createChat()];
    await world.send(one, "first");
    await world.send(other, "second");
    world.run();
    await indexed(world, other, "second", [1]);
    const url = testStores().elasticsearchUrl;
    const indices = (await (await fetch(`${url}/_alias/${world.config.search.name}`)).json()) as object;
    for (const index of Object.keys(indices)) await fetch(`${url}/${index}`, { method: "DELETE" });
    // The next message recreates the index.
    await world.send(other, "third");
    await indexed(world, one, "first", [1]);
    await indexed(world, other, "second", [1]);
  });

  it("are compared without a false alarm while messages are stored and indexed", async () => {
    const world = await started();
    const chat = await world.createChat();
    world.run();
    for (let round = 0; round < 30; round++) await world.send(chat, ...Array.from({ length: 40 }, () => "busy"));
    await eventually(async () => expect(await createMessages(world.direct).lastNumber(chat.id)).to.equal(1_200), {
      timeoutMs: 20_000,
    });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await world.metric("confab_index_missing_total")).to.equal(0);
  });

  it("still match after a worker with another backend, which logs what to do", async () => {
    const world = await started();
    const stray = await started({
      DATABASE_URL: world.config.database.url,
      SEARCH_BACKEND: "mysql",
      REDIS_KEY_PREFIX: world.config.partitioning.prefix,
    });
    const chat = await world.createChat();
    await world.send(chat, "before");
    world.run();
    await indexed(world, chat, "before", [1]);
    await world.pause();
    stray.run();
    await world.send(chat, "meanwhile");
    await eventually(async () => {
      expect(await world.stored(chat)).to.deep.equal({ 1: "before", 2: "meanwhile" });
      expect(JSON.stringify(stray.lines)).to.include("is configured for mysql").and.to.include("search reindex");
    });
    await stray.pause();
    world.run();
    await indexed(world, chat, "meanwhile", [2]);
  });

  it("are left alone by a worker of a backend that the database is not indexed for", async () => {
    const world = await started();
    await createSearchBackend(world.direct).switchTo("mysql");
    const chat = await world.createChat();
    await world.send(chat, "indexed by nobody");
    world.run();
    await eventually(async () => expect(await world.stored(chat)).to.have.property("1"));
    // Empties the outbox like a worker of the recorded backend.
    await world.direct.prisma.searchOutboxEntry.deleteMany();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await world.metric("confab_index_missing_total")).to.equal(0);
    expect(await world.direct.prisma.searchOutboxEntry.count()).to.equal(0);
  });

  it("match in another backend after a switch to it", async () => {
    const world = await started();
    const backend = createSearchBackend(world.direct);
    await backend.switchTo("mysql");
    const chat = await world.createChat();
    await world.send(chat, "kept back");
    world.run();
    await eventually(() => expect(JSON.stringify(world.lines)).to.include("indexed for mysql"));
    await backend.switchTo(`elasticsearch/${world.config.search.name}`);
    await indexed(world, chat, "kept back", [1]);
  });
});
