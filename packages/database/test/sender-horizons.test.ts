import { useForAll } from "@confab/testkit";
import { createErasures, createErasureWork, createHorizons, createRetention } from "@confab/database";
import { expect } from "chai";
import { tooLong, batch, message, openTestDatabase, remember } from "./setup.ts";

describe("the read horizon of a sender", () => {
  const test = useForAll(() => openTestDatabase({ acquireTimeoutMs: 30_000 }));
  const reads = useForAll(() => createHorizons(test.database));

  const from = (sender: string | undefined, chatId: bigint, number: number, body?: string) => ({
    ...message(chatId, number, body),
    ...(sender !== undefined && { sender }),
  });
  const numberOf = async (chatId: bigint, reader: string) => (await reads.find(chatId, reader))?.number;

  it("moves to the sender's last message when it is stored, and nobody else's does", async () => {
    const [one, two] = [await test.newChat(), await test.newChat()];
    const names = ["anna", "anna ", "Анна", "👩\\' %\u0001", "x".repeat(256)];
    await test.batchStore.store([
      batch(...names.map((sender, at) => from(sender, one.id, at + 1)), from("anna", one.id, 7)),
      batch(from("anna", two.id, 1), from(undefined, two.id, 2)),
    ]);
    const { items } = await reads.list(one.id, { limit: 50 });
    expect(new Map(items.map(({ reader, number }) => [reader, number]))).to.deep.equal(
      new Map([["anna", 7], ...names.slice(1).map((name, at) => [name, at + 2] as const)]),
    );
    expect(await reads.unread(one.id, 7, 7)).to.equal(0);
    expect(await reads.list(two.id, { limit: 50 })).to.have.nested.property("items.length", 1);
    expect(await numberOf(two.id, "anna")).to.equal(1);
  });

  it("moves forward only, whatever is stored late, delivered twice or retried", async () => {
    const { id } = await test.newChat();
    const early = batch(from("anna", id, 2));
    const refused = batch(from("anna", id, 3, tooLong), from("ben", id, 4, tooLong));
    await test.batchStore.store([refused]);
    expect(await reads.list(id, { limit: 9 }), "nothing was stored").to.have.nested.property("items.length", 0);
    await test.batchStore.store([batch(from("anna", id, 5))]);
    const set = await reads.find(id, "anna");
    await test.batchStore.store([early]);
    await test.batchStore.store([early, batch(from("anna", id, 1))]);
    for (const number of [3, 4]) {
      const letter = (await test.deadLetters.findByNumber(id, number))!;
      await test.database.prisma.deadLetter.update({ where: { id: letter.id }, data: { body: Buffer.from("short") } });
      expect(await test.deadLetters.restore(letter.id)).to.deep.equal({ restored: true });
    }
    expect(await reads.find(id, "anna"), "with its time").to.deep.equal(set);
    expect(await numberOf(id, "ben"), "a message that is stored at last").to.equal(4);
    await reads.advance(id, "anna", 9);
    await test.batchStore.store([batch(from("anna", id, 8))]);
    expect(await numberOf(id, "anna")).to.equal(9);
  });

  it("is written with the message or not at all", async () => {
    const chat = await test.newChat();
    const { id, token } = chat;
    const other = (await test.chats.create({ token }))!;
    remember(token, other);
    await createErasures(test.database).eraseChat(token, other.number);
    await test.batchStore.store([batch(from("anna", id, 1), from("anna", other.id, 1))]);
    expect(await numberOf(id, "anna")).to.equal(1);
    expect(await numberOf(other.id, "anna")).to.equal(undefined);
  });

  it("belongs to the numbering in which the message is stored, and a loss takes it back", async () => {
    const { id } = await test.newChat();
    const store = (sender: string, number: number, numbering: number, since: number) =>
      test.batchStore.store([
        { ...batch(from(sender, id, number)), numberings: [{ chatId: id, numbering, from: since }] },
      ]);
    await store("anna", 8, 1, 1);
    await store("ben", 5, 2, 5);
    expect(await numberOf(id, "anna"), "of numbers that are assigned again").to.equal(4);
    // This process does not know the numbering.
    await reads.advance(id, "carol", 9);
    await test.batchStore.store([batch(from("carol", id, 6))]);
    expect(await reads.find(id, "carol")).to.include({ number: 6, numbering: 2 });
  });

  it("of an erased sender is erased with the late message, and one of a later message stays", async () => {
    const { id, token } = await test.newChat();
    const erasures = createErasures(test.database);
    const work = createErasureWork(test.database);
    await test.batchStore.store([batch(from("anna", id, 1))]);
    const { epoch } = (await erasures.eraseSender(token, "anna", { epochInRedis: 0 }))!;
    const clear = () => work.deleteHorizons({ sender: "anna", epoch }, [id]);
    expect(await clear()).to.equal(1);
    await test.batchStore.store([batch(from("anna", id, 2))]);
    expect(await clear(), "accepted before the request and stored after it").to.equal(1);
    await test.batchStore.store([batch({ ...from("anna", id, 4), epoch })]);
    await test.batchStore.store([batch(from("anna", id, 3))]);
    expect(await clear(), "accepted after the request").to.equal(0);
    expect(await numberOf(id, "anna")).to.equal(4);
  });

  it("stays when retention deletes the message", async () => {
    const { id } = await test.newChat();
    await test.batchStore.store([batch({ ...from("anna", id, 1), createdAt: new Date("2020-01-01T00:00:00Z") })]);
    await test.database.prisma.chat.update({ where: { id }, data: { retentionDays: 5 } });
    expect(await createRetention(test.database).expire(id, new Date())).to.include({ deleted: 1 });
    expect(await numberOf(id, "anna")).to.equal(1);
  });

  it("ends at the highest message when transactions of the same chats and senders overlap", async () => {
    const { token } = await test.newChat();
    const chats = await Promise.all(Array.from({ length: 6 }, () => test.chats.create({ token })));
    for (const chat of chats) remember(token, chat!);
    const senders = ["anna", "ben", "carol"];
    const batches = Array.from({ length: 24 }, (_, at) =>
      batch(...chats.flatMap((chat) => senders.map((sender, nth) => from(sender, chat!.id, at * 3 + nth + 1)))),
    );
    await Promise.all([
      ...batches.map((one) => test.batchStore.store([one])),
      ...chats.flatMap((chat) => senders.map((sender) => reads.advance(chat!.id, sender, 30))),
    ]);
    for (const chat of chats) {
      const found = await Promise.all(senders.map((sender) => numberOf(chat!.id, sender)));
      expect(found).to.deep.equal([70, 71, 72]);
    }
  });
});
