import { waitListKey } from "@confab/queue";
import { createDeadLetters, createHorizons } from "@confab/database";
import { useEnding, eventually, testStores, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { setTimeout as pause } from "node:timers/promises";
import { start } from "./start.ts";

const endAfterTest = useEnding();

describe("storing accepted messages", function () {
  this.timeout(30_000);
  const world = useForEach(start);

  it("stores them with exact counts, completes their batches, makes them searchable, and logs and counts each", async () => {
    const chat = await world.createChat();
    expect(await world.send(chat, "one", "two", "three")).to.deep.equal([1, 2, 3]);
    world.run();
    await eventually(async () => {
      expect(await world.stored(chat)).to.deep.equal({ 1: "one", 2: "two", 3: "three" });
      expect(await world.backlogs[0]!.depth()).to.deep.equal({ pending: 0, oldestAgeMs: undefined });
    });
    expect(await world.chats.find(world.token, chat.number)).to.have.property("messagesCount", 3);
    await eventually(async () => {
      const page = await world.search.search({ chatId: chat.id, q: "wo", limit: 10 });
      expect(page.hits.map(({ number }) => number)).to.deep.equal([2]);
    });
    expect(await world.metric("confab_messages_stored_total")).to.equal(3);
    const logged = world.lines.filter(({ message }) => message === "messages stored");
    expect(logged, "one line per transaction").to.have.length(1);
    expect(logged[0]).to.deep.include({
      messages: 3,
      ranges: [{ application: world.token.slice(0, 8), chat: chat.number, from: 1, to: 3 }],
      request_ids: ["request-of-one", "request-of-two", "request-of-three"],
    });
    expect(await world.redis.llen(waitListKey(world.config.partitioning.prefix, 0, "messages"))).to.equal(0);
  });

  it("stores the messages of other chats in time while one chat is locked for long, and then the rest", async () => {
    const [locked, other] = [await world.createChat(), await world.newChat()];
    world.run();
    const storedAfter: number[] = [];
    await world.direct.prisma.$transaction(
      async (holder) => {
        await holder.$queryRaw`SELECT id FROM chats WHERE id = ${locked.id} FOR UPDATE`;
        for (let round = 1; round <= 8; round++) {
          await Promise.all([world.send(locked, "kept back"), world.sendTo(other, `round ${round}`)]);
          const began = performance.now();
          await eventually(async () => expect(await world.stored(other)).to.have.property(String(round)), {
            timeoutMs: 10_000,
          });
          storedAfter.push(performance.now() - began);
        }
        expect(await world.stored(locked)).to.deep.equal({});
      },
      { timeout: 25_000 },
    );
    expect(
      storedAfter.filter((ms) => ms > 1_000).length,
      `waits: ${storedAfter.map(Math.round).join(", ")}`,
    ).to.be.lessThan(3);
    await eventually(async () => {
      expect(Object.keys(await world.stored(locked))).to.have.lengthOf(8);
      expect((await world.backlogs[0]!.depth()).pending).to.equal(0);
    });
    expect(world.lines.filter(({ message }) => String(message).startsWith("a chat is locked"))).to.not.deep.equal([]);
  });

  it("stores a batch once when it is delivered again", async () => {
    const chat = await world.createChat();
    await world.send(chat, "once");
    const [id] = await world.backlogs[0]!.overdue(0, { offset: 0, limit: 10 });
    const batch = await world.redis.hgetall(`${world.prefix}batch:${id!}`);
    const records = await world.redis.get(`${world.prefix}records:${id!}`);
    world.run();
    await eventually(async () => {
      expect(await world.stored(chat)).to.deep.equal({ 1: "once" });
      expect((await world.backlogs[0]!.depth()).pending).to.equal(0);
    });
    // This simulates a crash between commit and completion, after which Redis still has the records and the job.
    await world.redis.hset(`${world.prefix}batch:${id!}`, batch);
    await world.redis.set(`${world.prefix}records:${id!}`, records!);
    await world.redis.set(`${world.prefix}pending`, 1);
    await world.producer.wakeBatches(0, [id!]);
    await eventually(async () => expect((await world.backlogs[0]!.depth()).pending).to.equal(0));
    expect(await world.stored(chat)).to.deep.equal({ 1: "once" });
    expect(await world.chats.find(world.token, chat.number)).to.have.property("messagesCount", 1);
  });

  it("stores a batch whose wake-up was lost", async () => {
    const chat = await world.createChat();
    await world.send(chat, "forgotten");
    const queue = await world.redis.keys(`${world.prefix}messages:*`);
    await world.redis.del(...queue);
    world.run();
    await eventually(async () => expect(await world.stored(chat)).to.deep.equal({ 1: "forgotten" }));
    expect(await world.metric("confab_batches_requeued_total")).to.be.at.least(1);
  });

  it("renumbers a late message when another message has its number, and overwrites nothing", async () => {
    const chat = await world.createChat();
    await world.send(chat, "late");
    const now = new Date();
    const taken = { chatId: chat.id, body: "was here", createdAt: now, updatedAt: now };
    await world.direct.prisma.message.createMany({
      data: [1, 2].map((number) => ({ ...taken, number, uid: Buffer.alloc(16, number) })),
    });
    world.run();
    await eventually(async () => {
      expect(await world.stored(chat)).to.deep.equal({ 1: "was here", 2: "was here", 3: "late" });
      expect((await world.backlogs[0]!.depth()).pending).to.equal(0);
    });
    expect(await world.metric("confab_messages_renumbered_total")).to.equal(1);
    const warning = world.lines.find(({ message }) => String(message).startsWith("another message has this number"));
    expect(warning).to.include({ number: 1, renumbered: 3, request_id: "request-of-late" });
    expect(await world.send(chat, "next")).to.deep.equal([4]);
  });

  it("wakes a worker for a renumbered message without waiting for a sweep", async () => {
    const patient = endAfterTest(await start({ BATCH_OVERDUE_AFTER: "1h" }));
    const chat = await patient.createChat();
    await patient.send(chat, "late");
    const now = new Date();
    await patient.direct.prisma.message.create({
      data: { chatId: chat.id, number: 1, uid: Buffer.alloc(16, 1), body: "was here", createdAt: now, updatedAt: now },
    });
    patient.run();
    await eventually(async () => expect(await patient.stored(chat)).to.deep.equal({ 1: "was here", 2: "late" }));
  });

  it("dead-letters a message that was damaged in Redis, and stores its neighbours", async () => {
    const chat = await world.createChat();
    await world.send(chat, "before", "flipped", "after");
    for (const id of await world.backlogs[0]!.overdue(0, { offset: 0, limit: 10 })) {
      const key = `${world.prefix}records:${id}`;
      await world.redis.set(key, (await world.redis.get(key))!.replace("\nflipped", "\nflippee"));
    }
    world.run();
    await eventually(async () => {
      expect(await world.stored(chat)).to.deep.equal({ 1: "before", 3: "after" });
      expect((await world.backlogs[0]!.depth()).pending).to.equal(0);
    });
    const letter = await world.direct.prisma.deadLetter.findFirst({ where: { chatId: chat.id } });
    expect(letter).to.include({ number: 2, reason: "Redis returned a damaged message: its checksum does not match" });
    expect(Buffer.from(letter!.body).toString()).to.include("flippee");
    expect(await world.metric("confab_messages_dead_lettered_total")).to.equal(1);
  });

  it("shows a message that it stores when Redis has lost it to readers who have passed its number", async () => {
    const [chat, other] = [await world.createChat(), await world.createChat()];
    world.run();
    await world.direct.prisma.$transaction(async (holder) => {
      await holder.$queryRaw`SELECT id FROM chats WHERE id = ${chat.id} FOR UPDATE`;
      await world.send(chat, "late");
      const jobs = waitListKey(world.config.partitioning.prefix, 0, "messages");
      await eventually(async () => expect(await world.redis.llen(jobs)).to.equal(0));
      // After this pause, the worker has read the message and waits for the chat's lock.
      await pause(200);
      await world.loseMessages();
    });
    await eventually(async () => {
      const where = { chatId: chat.id, number: 1 };
      const [change] = await world.direct.prisma.messageChange.findMany({ where });
      const changeNumber = change!.changeNumber;
      expect(await world.direct.prisma.message.findFirst({ where })).to.include({ body: "late", changeNumber });
    });
    await world.send(other, "in time");
    await eventually(async () => expect(await world.stored(other)).to.deep.equal({ 1: "in time" }));
    expect(await world.direct.prisma.messageChange.count({ where: { chatId: other.id } })).to.equal(0);
  });

  it("does not count lost messages as unread", async () => {
    const chat = await world.createChat();
    await world.send(chat, "one");
    const [lost] = await world.backlogs[0]!.overdue(0, { offset: 0, limit: 10 });
    await world.send(chat, "two", "three");
    await world.redis.del(`${world.prefix}records:${lost!}`);
    world.run();
    await eventually(async () => {
      expect(await world.stored(chat)).to.deep.equal({ 2: "two", 3: "three" });
      expect(await world.metric("confab_batches_lost_total")).to.equal(1);
      expect((await world.backlogs[0]!.depth()).pending).to.equal(0);
    });
    expect(await createHorizons(world.direct).unread(chat.id, 0, 3)).to.equal(2);
  });

  it("does not trust the head of a chat that the database has lost", async () => {
    const chat = await world.createChat();
    await world.send(chat, "to nowhere");
    await world.direct.prisma.chat.delete({ where: { id: chat.id } });
    world.run();
    await eventually(async () => expect((await world.backlogs[0]!.depth()).pending).to.equal(0));
    expect(await world.direct.prisma.deadLetter.count({ where: { token: world.token } })).to.equal(1);
    expect(await world.submit(chat, "again")).to.have.property("kind", "unknown-chat");
  });

  it("stores other batches when one fails with neither an outage nor a refused row", async () => {
    await world.direct.prisma.$executeRawUnsafe(
      "CREATE TRIGGER fail BEFORE INSERT ON messages FOR EACH ROW BEGIN IF NEW.body = 'odd' THEN SET @missing = (SELECT 1 FROM no_such_table); END IF; END",
    );
    const chats = await Promise.all(Array.from({ length: 6 }, () => world.createChat()));
    for (const [index, chat] of chats.entries()) await world.send(chat, index === 3 ? "odd" : "even");
    world.run();
    await eventually(async () => {
      for (const [index, chat] of chats.entries())
        expect(await world.stored(chat)).to.deep.equal(index === 3 ? {} : { 1: "even" });
    });
    expect((await world.backlogs[0]!.depth()).pending).to.equal(1);
    await world.direct.prisma.$executeRawUnsafe("DROP TRIGGER fail");
    await eventually(async () => expect(await world.stored(chats[3]!)).to.deep.equal({ 1: "odd" }));
  });

  it("dead-letters a message that the database refuses, and stores its neighbours", async () => {
    await world.direct.prisma.$executeRawUnsafe(
      "CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW BEGIN IF NEW.body = 'poison' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no poison'; END IF; END",
    );
    const chat = await world.createChat();
    await world.send(chat, "before", "poison", "after");
    world.run();
    await eventually(async () => {
      expect(await world.stored(chat)).to.deep.equal({ 1: "before", 3: "after" });
      expect((await world.backlogs[0]!.depth()).pending).to.equal(0);
    });
    const { items } = await createDeadLetters(world.direct).list({ limit: 10 });
    expect(items).to.have.length(1);
    expect(items[0]).to.include({ number: 2, reason: "no poison", requestId: "request-of-poison" });
    expect(await world.chats.find(world.token, chat.number)).to.have.property("messagesCount", 2);
    expect(await world.metric("confab_messages_dead_lettered_total")).to.equal(1);
    expect(world.lines.find(({ level }) => level === 50)).to.include({ number: 2, reason: "no poison" });
  });

  it("logs messages that the index refuses, and does not count them as searchable", async () => {
    await world.search.prepare();
    await refuseNumbersAbove127(world.config.search.name);
    const chat = await world.createChat();
    await world.send(chat, ...Array.from({ length: 130 }, (_, index) => `message ${index + 1}`));
    world.run();
    const rejections = () => world.lines.filter(({ message }) => message === "message refused by the search index");
    await eventually(() => expect(rejections().map(({ number }) => number)).to.have.members([128, 129, 130]));
    expect(rejections()[0]).to.include({ application: world.token.slice(0, 8), chat: chat.number });
    expect(rejections()[0]).to.not.have.any.keys("chat_id", "body");
    expect(rejections()[0]?.reason).to.match(/^document_parsing_exception: /);
    expect(rejections()[0]?.reason).to.not.match(/message 1|document with id/);
    const text = await world.metrics.registry.metrics();
    const counted = (name: string) => Number(new RegExp(`^${name}\\S* (\\d+)`, "m").exec(text)?.[1]);
    expect(counted("confab_accepted_to_stored_seconds_count")).to.equal(130);
    expect(counted("confab_accepted_to_searchable_seconds_count")).to.equal(127);
    expect(counted("confab_stored_to_searchable_seconds_count")).to.equal(127);
    expect(counted("confab_messages_index_refused_total")).to.equal(3);
  });

  it("stores many messages of many chats in few transactions", async () => {
    const chats = await Promise.all(Array.from({ length: 5 }, () => world.createChat()));
    const bodies = Array.from({ length: 600 }, (_, index) => `message ${index}`);
    await Promise.all(chats.map((chat) => world.send(chat, ...bodies)));
    world.run();
    await eventually(async () => {
      for (const chat of chats) expect(Object.values(await world.stored(chat))).to.deep.equal(bodies);
    });
    const transactions = /confab_store_batch_messages_count\S* (\d+)/.exec(await world.metrics.registry.metrics())?.[1];
    expect(Number(transactions)).to.be.within(2, 8);
    for (const chat of chats)
      expect(await world.chats.find(world.token, chat.number)).to.have.property("messagesCount", 600);
  });
});

/** Recreates the index with a number field that is too narrow. */
async function refuseNumbersAbove127(alias: string): Promise<void> {
  const url = testStores().elasticsearchUrl;
  interface Created {
    aliases: object;
    mappings: { properties: Record<string, object> };
    settings: { index: Record<string, unknown> };
  }
  const found = (await (await fetch(`${url}/${alias}`)).json()) as Record<string, Created>;
  const [name, { aliases, mappings, settings }] = Object.entries(found)[0]!;
  mappings.properties.number = { type: "byte" };
  for (const own of ["creation_date", "provided_name", "uuid", "version"]) settings.index[own] = undefined;
  expect((await fetch(`${url}/${name}`, { method: "DELETE" })).status).to.equal(200);
  const created = await fetch(`${url}/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ aliases, mappings, settings }),
  });
  expect(created.status, await created.text()).to.equal(200);
}
