import { createHash, randomBytes, randomUUID } from "node:crypto";
import { useForAll } from "@confab/testkit";
import { expect } from "chai";
import {
  createMessageChanges,
  pruneStoredBatches,
  pruneIdempotencyKeys,
  verifyCounts,
  type DeadLetter,
} from "@confab/database";
import { batch, collect, message, openTestDatabase } from "./setup.ts";

const hourMs = 3_600_000;

describe("dead letters", () => {
  let chatId: bigint;
  let token: string;

  const test = useForAll(openTestDatabase);
  beforeEach(async () => {
    ({ id: chatId, token } = await test.newChat());
    await test.database.prisma.deadLetter.deleteMany();
    await test.database.prisma.searchOutboxEntry.deleteMany();
  });

  const deadLetter = async (number: number): Promise<DeadLetter> => {
    await test.batchStore.store([batch(message(chatId, number, "x".repeat(65_536)))]);
    const letter = await test.database.prisma.deadLetter.findFirst({ where: { chatId, number } });
    return letter!;
  };
  /** Shortens the body so that it is accepted, as if the limit had been raised. */
  const shorten = ({ id }: DeadLetter) =>
    test.database.prisma.deadLetter.update({ where: { id }, data: { body: Buffer.from("now it fits é") } });
  const count = async () => (await test.chats.find(token, 1))?.messagesCount;

  it("are listed oldest first, found and removed", async () => {
    const letters = [await deadLetter(1), await deadLetter(2), await deadLetter(3)];
    const page = await test.deadLetters.list({ limit: 2 });
    expect(page.items.map((letter) => letter.id)).to.deep.equal(letters.slice(0, 2).map((letter) => letter.id));
    const rest = await test.deadLetters.list({ limit: 2, after: page.next });
    expect(rest.items.map((letter) => letter.id)).to.deep.equal([letters[2]!.id]);
    expect(rest.next).to.equal(undefined);
    expect(await test.deadLetters.find(letters[0]!.id)).to.include({ number: 1 });
    expect(await test.deadLetters.remove(letters[0]!.id)).to.equal(true);
    expect(await test.deadLetters.remove(letters[0]!.id)).to.equal(false);
    expect(await test.deadLetters.find(letters[0]!.id)).to.equal(undefined);
  });

  it("are restored once under their own number, counted and added to the search outbox", async () => {
    await test.batchStore.store([batch(message(chatId, 1), message(chatId, 3))]);
    const letter = await deadLetter(2);
    await shorten(letter);
    const twice = await Promise.all([test.deadLetters.restore(letter.id), test.deadLetters.restore(letter.id)]);
    expect(twice.filter((outcome) => outcome.restored)).to.have.lengthOf(1);
    const row = await test.messages.find(chatId, 2);
    expect(row).to.include({ body: "now it fits é" });
    expect(row?.createdAt).to.deep.equal(letter.acceptedAt);
    expect(Buffer.from(row?.uid ?? [])).to.deep.equal(Buffer.from(letter.uid));
    const { items } = await createMessageChanges(test.database).after(chatId, 0, 10);
    expect(
      items.map(({ number }) => number),
      "readers who have passed the number get a change",
    ).to.deep.equal([2]);
    expect(await count()).to.equal(3);
    expect(await test.deadLetters.find(letter.id)).to.equal(undefined);
    expect(await test.database.prisma.searchOutboxEntry.count({ where: { fromNumber: 2, toNumber: 2 } })).to.equal(1);
  });

  it("stay when they are damaged, because their text is not the message", async () => {
    await test.batchStore.store([batch({ ...message(chatId, 1, "1 17 0 r\nmangled"), damaged: true })]);
    const letter = (await test.deadLetters.findByNumber(chatId, 1))!;
    expect(await test.deadLetters.restore(letter.id)).to.deep.include({ restored: false });
    expect(await count()).to.equal(0);
  });

  it("stay with a reason when they are refused again, their number is taken or their chat does not exist", async () => {
    const refused = await test.deadLetters.restore((await deadLetter(1)).id);
    expect(refused).to.have.property("reason").that.contains("body");
    const letter = await deadLetter(2);
    await shorten(letter);
    await test.batchStore.store([batch(message(chatId, 2, "taken"))]);
    expect(await test.deadLetters.restore(letter.id)).to.deep.include({ restored: false });
    expect((await test.messages.find(chatId, 2))?.body).to.equal("taken");
    expect(await count()).to.equal(1);
    await test.database.prisma.chat.delete({ where: { id: chatId } });
    expect(await test.deadLetters.restore(letter.id))
      .to.have.property("reason")
      .that.contains("no longer exists");
    expect((await test.deadLetters.list({ limit: 9 })).items).to.have.lengthOf(2);
    expect(await test.deadLetters.restore(0n))
      .to.have.property("reason")
      .that.contains("no such");
  });
});

describe("upkeep", () => {
  const test = useForAll(openTestDatabase);

  it("deletes all old stored batches and keeps recent ones", async () => {
    const { prisma } = test.database;
    const at = (hours: number) => new Date(Date.now() - hours * hourMs);
    const rows = (count: number, storedAt: Date) =>
      Array.from({ length: count }, () => ({ id: randomBytes(16), storedAt }));
    await prisma.storedBatch.createMany({ data: [...rows(2_500, at(49)), ...rows(3, at(47))] });
    expect(await pruneStoredBatches(test.database, 48 * hourMs)).to.equal(2_500);
    expect(await prisma.storedBatch.count()).to.equal(3);
  });

  it("deletes old idempotency keys, which can then be used again", async () => {
    const idempotency = { key: "k", requestHash: createHash("sha256").update("r").digest() };
    const create = () => test.applications.create({ token: randomUUID(), name: "n", idempotency });
    await create();
    expect(await pruneIdempotencyKeys(test.database, 24)).to.equal(0);
    expect((await create()).replayed).to.equal(true);
    await test.database.prisma.idempotencyKey.updateMany({ data: { createdAt: new Date(Date.now() - 25 * hourMs) } });
    expect(await pruneIdempotencyKeys(test.database, 24)).to.equal(1);
    expect((await create()).replayed).to.equal(false);
  });

  it("finds exactly the counts that are wrong", async () => {
    const { prisma } = test.database;
    const chats = await Promise.all(Array.from({ length: 5 }, () => test.newChat()));
    await test.batchStore.store(
      chats.map(({ id }, i) => batch(...Array.from({ length: i }, (_, n) => message(id, n + 1)))),
    );
    const deleted = { chatId_number: { chatId: chats[4]!.id, number: 2 } };
    await prisma.message.update({ where: deleted, data: { deletedAt: new Date() } });
    await prisma.chat.update({ where: { id: chats[4]!.id }, data: { messagesCount: 3 } });
    expect(await collect(verifyCounts(test.database, 2))).to.deep.equal([]);
    const verification = verifyCounts(test.database, 2);
    const totals = { chats_count: await prisma.application.count(), messages_count: await prisma.chat.count() };
    expect(await verification.next()).to.deep.equal({ done: true, value: totals });
    await prisma.chat.update({ where: { id: chats[2]!.id }, data: { messagesCount: 7 } });
    await prisma.application.update({ where: { token: chats[1]!.token }, data: { chatsCount: 0 } });
    expect(await collect(verifyCounts(test.database, 2))).to.deep.equal([
      { kind: "chats_count", token: chats[1]!.token, counted: 0, actual: 1 },
      { kind: "messages_count", token: chats[2]!.token, chat: 1, counted: 7, actual: 2 },
    ]);
  });
});
