import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { useForAll } from "@confab/testkit";
import { createErasures, createErasureWork, verifyCounts, type Erasure } from "@confab/database";
import { expect } from "chai";
import { batch, collect, message, openTestDatabase, rejection } from "./setup.ts";

describe("erasing chats and applications", () => {
  const test = useForAll(openTestDatabase);
  const erasures = useForAll(() => createErasures(test.database));
  const work = useForAll(() => createErasureWork(test.database));

  const rowsOf = async (chatId: bigint): Promise<number> => {
    const { prisma } = test.database;
    const where = { chatId };
    const counts = await Promise.all([
      prisma.message.count({ where }),
      prisma.messageVersion.count({ where }),
      prisma.messageChange.count({ where }),
      prisma.deletedNumber.count({ where }),
      prisma.deletedBlock.count({ where }),
      prisma.read.count({ where }),
      prisma.deadLetter.count({ where }),
    ]);
    return counts.reduce((total, one) => total + one, 0);
  };

  it("deletes a chat at once, counts it no longer and never uses its number again", async () => {
    const { token, number } = await test.newChat();
    const second = await test.chats.create({ token });
    expect(await erasures.eraseChat(token, second!.number)).to.include({ token, chatNumber: 2, finishedAt: null });
    expect(await test.chats.find(token, 2)).to.equal(undefined);
    expect(await test.chats.locate(token, 2)).to.equal(undefined);
    expect(await test.applications.find(token)).to.include({ chatsCount: 1, lastChatNumber: 2 });
    expect(await test.chats.create({ token })).to.include({ number: 3 });
    expect((await test.chats.list(token, { limit: 10 }))?.items.map((chat) => chat.number)).to.deep.equal([number, 3]);
    expect(await collect(verifyCounts(test.database))).to.deep.equal([]);
    expect(await erasures.eraseChat(token, 2), "a second time").to.equal(undefined);
    expect(await erasures.eraseChat(randomUUID(), 1)).to.equal(undefined);
  });

  it("creates no deleted chat again for a repeated idempotency key", async () => {
    const { token } = await test.newChat();
    const request = { token, idempotency: { key: "k", requestHash: Buffer.alloc(32, 1) } };
    const { number } = (await test.chats.create(request))!;
    await erasures.eraseChat(token, number);
    expect(await rejection(test.chats.create(request))).to.have.property("name", "IdempotencyConflict");
  });

  it("deletes an application at once, and its chats a few at a time", async () => {
    const { token, id } = await test.newChat();
    for (let more = 0; more < 4; more++) await test.chats.create({ token });
    const erasure = (await erasures.eraseApplication(token))!;
    expect(await test.applications.find(token)).to.equal(undefined);
    expect(await test.chats.find(token, 1)).to.equal(undefined);
    expect(await test.chats.create({ token })).to.equal(undefined);
    expect(await work.takeChats(erasure, 3)).to.equal(3);
    expect(await work.hasOpenChats(erasure)).to.equal(true);
    expect(await work.takeChats(erasure, 3)).to.equal(2);
    expect(await work.takeChats(erasure, 3)).to.equal(0);
    const chats = await work.chatsToClear(erasure, { after: 0n, limit: 10 });
    expect(chats.map(({ number }) => number)).to.deep.equal([1, 2, 3, 4, 5]);
    expect(chats[0]).to.include({ chatId: id, clearedAt: null, erasedAt: null });
    expect(await test.database.prisma.chat.count({ where: { applicationId: erasure.applicationId } })).to.equal(0);
  });

  it("drops accepted messages of a deleted chat, however often they are delivered, and keeps those of a lost chat", async () => {
    const chat = await test.newChat();
    const other = await test.newChat();
    const lost = await test.newChat();
    const messages = [message(chat.id, 1), message(other.id, 1), message(lost.id, 1)];
    await erasures.eraseChat(chat.token, chat.number);
    await test.database.prisma.chat.delete({ where: { id: lost.id } });
    const delivered = batch(...messages);
    for (const delivery of [1, 2]) {
      const { erased, refused, stored } = await test.batchStore.store([delivered]);
      expect(erased, `delivery ${delivery}`).to.deep.equal([messages[0]]);
      expect(refused.map(({ token }) => token)).to.deep.equal([lost.token]);
      expect(stored).to.equal(delivery === 1 ? 1 : 0);
    }
    expect(await rowsOf(chat.id)).to.equal(0);
  });

  it("drops accepted messages of every chat of a deleted application, before its chats are deleted and after", async () => {
    const chat = await test.newChat();
    const erasure = (await erasures.eraseApplication(chat.token))!;
    expect((await test.batchStore.store([batch(message(chat.id, 1))])).erased).to.have.length(1);
    await work.takeChats(erasure, 10);
    expect((await test.batchStore.store([batch(message(chat.id, 2))])).erased).to.have.length(1);
    expect(await rowsOf(chat.id)).to.equal(0);
  });

  it("leaves no row behind if a chat is deleted while its messages are stored", async () => {
    for (let round = 0; round < 20; round++) {
      const chat = await test.newChat();
      const batches = Array.from({ length: 8 }, (_, at) => batch(message(chat.id, at + 1)));
      const [erasure, ...results] = await Promise.all([
        sleep(round % 5).then(() => erasures.eraseChat(chat.token, chat.number)),
        ...batches.map((one) => test.batchStore.store([one])),
      ]);
      const [{ messages } = { messages: -1 }] = await work.chatsToClear(erasure!, { after: 0n, limit: 1 });
      const stored = results.reduce((total, result) => total + result.stored, 0);
      const erased = results.reduce((total, result) => total + result.erased.length, 0);
      expect(stored + erased).to.equal(8);
      expect(messages, "counted when it was deleted").to.equal(stored);
      expect(await work.deleteRows([chat.id], 100)).to.equal(stored);
      expect(await rowsOf(chat.id)).to.equal(0);
    }
  });

  it("deletes every kind of row of a chat, in parts, and none of another chat", async () => {
    const [chat, other] = [await test.newChat(), await test.newChat()];
    const { prisma } = test.database;
    for (const { id: chatId, token } of [chat, other]) {
      await test.batchStore.store([batch(...[1, 2, 3].map((number) => message(chatId, number)))]);
      await prisma.messageVersion.create({
        data: { chatId, number: 1, version: 1, body: "old", createdAt: new Date() },
      });
      await prisma.messageChange.create({ data: { chatId, changeNumber: 1, number: 1 } });
      await prisma.deletedNumber.create({ data: { chatId, number: 2 } });
      await prisma.read.create({ data: { chatId, reader: Buffer.from("r"), number: 2, updatedAt: new Date() } });
      const damaged = { ...message(chatId, 4), damaged: true };
      expect((await test.batchStore.store([batch(damaged)])).refused).to.have.length(1);
      expect(token).to.be.a("string");
    }
    await erasures.eraseChat(chat.token, chat.number);
    expect(await rowsOf(chat.id)).to.equal(8);
    expect(await work.deleteRows([chat.id], 2), "two messages, and one row of each other table").to.equal(7);
    expect(await work.deleteRows([chat.id], 2)).to.equal(1);
    expect(await work.deleteRows([chat.id], 2)).to.equal(0);
    expect([await rowsOf(chat.id), await rowsOf(other.id)]).to.deep.equal([0, 8]);
  });

  it("knows when the search outbox has no range of a deleted chat any more", async () => {
    const { prisma } = test.database;
    const chat = await test.newChat();
    await test.batchStore.store([batch(message(chat.id, 1))]);
    const erasure = (await erasures.eraseChat(chat.token, chat.number))!;
    const [{ lastOutboxId } = { lastOutboxId: 0n }] = await work.chatsToClear(erasure, { after: 0n, limit: 1 });
    const range = await prisma.searchOutboxEntry.findFirstOrThrow({ where: { chatId: chat.id } });
    expect(range.id <= lastOutboxId).to.equal(true);
    await test.outbox.drain(1_000_000, async () => {
      expect((await work.firstOutboxId())! <= lastOutboxId, "while it is written to the index").to.equal(true);
    });
    const { id: later } = await test.newChat();
    await test.batchStore.store([batch(message(later, 1))]);
    expect((await work.firstOutboxId())! > lastOutboxId).to.equal(true);
    await prisma.searchOutboxEntry.deleteMany();
    expect(await work.firstOutboxId()).to.equal(undefined);
  });

  /** Ends all erasures of other tests, and returns those of some new applications. */
  async function openErasures(count: number): Promise<Erasure[]> {
    await test.database.prisma.erasure.updateMany({ data: { finishedAt: new Date() } });
    const open: Erasure[] = [];
    for (let at = 0; at < count; at++) open.push((await erasures.eraseApplication((await test.newChat()).token))!);
    return open;
  }

  const idsOf = (waiting: readonly { id: bigint }[]): bigint[] => waiting.map(({ id }) => id);

  it("gives an open erasure to one worker at a time, for as long as the worker holds it", async () => {
    const [first, second] = await openErasures(2);
    expect(await work.waiting(10), "their marks are not set").to.deep.equal([]);
    for (const erasure of await work.unmarked(10)) await work.noteMarked(erasure);
    expect(await work.unmarked(10)).to.deep.equal([]);
    expect(idsOf(await work.waiting(10))).to.deep.equal([first!.id, second!.id]);
    const claims = await Promise.all(Array.from({ length: 6 }, () => work.claim(first!.id, 60_000)));
    expect(claims.filter((claim) => claim !== undefined)).to.have.length(1);
    expect(idsOf(await work.waiting(10))).to.deep.equal([second!.id]);
    await work.hold(first!, 1);
    await sleep(20);
    expect(idsOf(await work.waiting(10)), "its worker did not return in time").to.have.members([first!.id, second!.id]);
    await work.finish(first!);
    expect(await work.claim(first!.id, 60_000)).to.equal(undefined);
    expect(idsOf(await work.waiting(10))).to.deep.equal([second!.id]);
  });

  it("lists some erasures of each application: chats before senders, then those that waited the longest", async () => {
    await openErasures(0);
    const [many, few] = [await test.newChat(), await test.newChat()];
    const senders: bigint[] = [];
    for (const sender of ["a", "b", "c"])
      senders.push((await erasures.eraseSender(many.token, sender, { epochInRedis: 0 }))!.id);
    const chat = (await erasures.eraseChat(many.token, many.number))!.id;
    const other = (await erasures.eraseChat(few.token, few.number))!.id;
    for (const erasure of await work.unmarked(10)) await work.noteMarked(erasure);
    await work.claim(senders[0]!, 0);
    await sleep(20);
    expect(idsOf(await work.waiting(3))).to.deep.equal([chat, senders[1], senders[2], other]);
    expect(idsOf(await work.waiting(10)), "it was claimed before").to.deep.equal([
      chat,
      senders[1],
      senders[2],
      senders[0],
      other,
    ]);
  });
});
