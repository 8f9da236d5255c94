import { createMessageChanges, verifyCounts } from "@confab/database";
import { eventually, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { batch, collect, message, openTestDatabase } from "./setup.ts";

describe("a message that is stored after another one was shown under its number", () => {
  let chatId: bigint;
  const test = useForAll(() => openTestDatabase({ lockWaitMs: 5_000 }));
  beforeEach(async () => {
    ({ id: chatId } = await test.newChat());
  });

  /** Returns the numbers of the messages that changed, in the order of their changes. */
  const changes = async (id = chatId): Promise<number[]> => {
    const rows = await test.database.prisma.messageChange.findMany({
      where: { chatId: id },
      orderBy: { changeNumber: "asc" },
    });
    return rows.map(({ number }) => number);
  };
  const keyed = (number: number, key: number) => ({
    ...message(chatId, number),
    key: {
      id: Buffer.concat([Buffer.alloc(7, key), Buffer.from(chatId.toString().padStart(8))]),
      request: Buffer.alloc(9, 7),
    },
  });

  it("gets a change number once the other one needs a new number, and only then", async () => {
    await test.batchStore.store([batch(message(chatId, 1), message(chatId, 2), message(chatId, 3))]);
    await test.batchStore.store([batch(message(chatId, 4))]);
    expect(await changes()).to.deep.equal([]);
    const other = batch(message(chatId, 2), message(chatId, 3), message(chatId, 5));
    expect((await test.batchStore.store([other])).conflicts).to.have.length(2);
    expect(await changes()).to.deep.equal([2, 3]);
    const noted = await test.messages.find(chatId, 2);
    expect(noted).to.include({ version: 1 });
    expect(noted?.changeNumber).to.be.a("number");
    // Neither a second delivery nor a conflict with a message that was edited in the meantime takes a further change
    // number.
    expect((await test.batchStore.store([other])).conflicts).to.have.length(2);
    await createMessageChanges(test.database).edit({ chatId, number: 4 }, { body: "edited" });
    expect((await test.batchStore.store([batch(message(chatId, 4))])).conflicts).to.have.length(1);
    expect(await changes()).to.deep.equal([2, 3, 4]);
    expect((await test.messages.find(chatId, 2))?.changeNumber).to.equal(noted?.changeNumber);
  });

  it("gets one when both are stored by one transaction", async () => {
    await test.batchStore.store([batch(message(chatId, 1, "kept")), batch(message(chatId, 1, "moves"))]);
    expect(await changes()).to.deep.equal([1]);
  });

  it("gets one when the other one repeats an earlier request, and counts as unread", async () => {
    await test.batchStore.store([batch(keyed(1, 1), keyed(2, 2))]);
    const repetition = keyed(1, 2);
    const [repeated, ...others] = (await test.batchStore.store([batch(repetition)])).repeated;
    expect(others).to.deep.equal([]);
    expect(repeated?.message).to.equal(repetition);
    expect(repeated?.original).to.include({ number: 2 });
    expect(await changes()).to.deep.equal([1]);
    expect(await test.database.prisma.deletedNumber.count({ where: { chatId } })).to.equal(0);
    expect(await collect(verifyCounts(test.database))).to.deep.equal([]);
  });

  it("leaves a tombstone under its own number if it repeats an earlier request, and is reported at each delivery", async () => {
    const first = { ...keyed(1, 1), sender: "anna" };
    await test.batchStore.store([batch(first)]);
    const repetition = { ...keyed(2, 1), sender: "anna" };
    const delivery = batch(repetition);
    for (const knownBatches of [0, 1]) {
      const result = await test.batchStore.store([delivery]);
      expect(result).to.include({ stored: 0, knownBatches });
      expect(result.repeated.map(({ message: own }) => own)).to.deep.equal([repetition]);
      expect(result.repeated[0]!.original.number).to.equal(1);
      expect(Buffer.from(result.repeated[0]!.original.uid)).to.deep.equal(first.uid);
    }
    const tombstone = await test.messages.find(chatId, 2);
    expect(tombstone).to.include({ body: "", sender: null, version: 1 });
    expect(tombstone?.deletedAt).to.be.a("date");
    expect(await changes()).to.deep.equal([2]);
    expect(await test.database.prisma.chat.findUnique({ where: { id: chatId } })).to.include({
      lastMessageNumber: 2,
      messagesCount: 1,
    });
    expect(await test.database.prisma.deletedNumber.count({ where: { chatId } })).to.equal(1);
    expect(await collect(verifyCounts(test.database))).to.deep.equal([]);
  });

  it("is not deleted by its second number, nor edited", async () => {
    await test.batchStore.store([batch(keyed(1, 1))]);
    await test.batchStore.store([batch(keyed(2, 1))]);
    const messageChanges = createMessageChanges(test.database);
    expect(await messageChanges.remove({ chatId, number: 2 })).to.deep.equal({ kind: "other-message" });
    expect(await messageChanges.edit({ chatId, number: 2 }, { body: "x" })).to.deep.equal({ kind: "other-message" });
    expect(await messageChanges.remove({ chatId, number: 1 })).to.include({ kind: "changed" });
    expect(await messageChanges.remove({ chatId, number: 1 })).to.deep.equal({ kind: "deleted" });
  });

  it("is stored without its key if another request has the key, which keeps it", async () => {
    await test.batchStore.store([batch(keyed(1, 1))]);
    const other = { ...keyed(2, 1), key: { ...keyed(2, 1).key, request: Buffer.alloc(9, 8) } };
    for (const stored of [1, 0])
      expect(await test.batchStore.store([batch(other)]))
        .to.include({ stored })
        .and.to.deep.include({ repeated: [] });
    const third = { ...other, ...message(chatId, 1, "moves"), key: other.key };
    expect((await test.batchStore.store([batch(third)])).conflicts).to.have.length(1);
    const [key] = await test.database.query<{ number: number }[]>(
      "SELECT number FROM message_keys WHERE id = ?",
      other.key.id,
    );
    expect(key).to.deep.equal({ number: 1 });
    expect(await test.numbersOf(chatId)).to.deep.equal([1, 2]);
  });

  it("leaves a dead letter alone that has the number of a repetition", async () => {
    await test.batchStore.store([batch(keyed(1, 1), { ...message(chatId, 2), damaged: true })]);
    expect((await test.batchStore.store([batch(keyed(2, 1))])).repeated).to.have.length(1);
    expect(await test.messages.find(chatId, 2)).to.equal(undefined);
    expect(await changes()).to.deep.equal([]);
  });

  it("is no repetition once it was deleted", async () => {
    const delivery = batch(keyed(1, 1));
    await test.batchStore.store([delivery]);
    await createMessageChanges(test.database).remove({ chatId, number: 1 });
    expect((await test.batchStore.store([delivery])).repeated).to.deep.equal([]);
  });

  it("is noted with the chats locked in the order of their ids, so that two transactions do not wait for each other", async () => {
    const { id: later } = await test.newChat();
    await test.batchStore.store([batch(message(chatId, 1))]);
    const waiting = () =>
      test.database.query<object[]>(
        "SELECT 1 FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE '% chats %FOR UPDATE'",
      );
    const stored = await test.database.prisma.$transaction(
      async (holder) => {
        await holder.$queryRaw`SELECT id FROM chats WHERE id = ${chatId} FOR UPDATE`;
        const storing = test.batchStore.store([batch(message(chatId, 1), message(later, 1))]);
        await eventually(async () => expect(await waiting()).to.have.length(1), { timeoutMs: 4_000 });
        expect(await holder.$queryRaw`SELECT id FROM chats WHERE id = ${later} FOR UPDATE NOWAIT`).to.have.length(1);
        return { storing };
      },
      { timeout: 10_000 },
    );
    expect(await stored.storing).to.include({ stored: 1 });
    expect(await changes()).to.deep.equal([1]);
    expect(await changes(later)).to.deep.equal([]);
  });
});
