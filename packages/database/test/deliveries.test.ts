import { randomBytes } from "node:crypto";
import { expect } from "chai";
import { createBatchStore, verifyCounts, type AddressedMessage } from "@confab/database";
import { addDeletedNumbers } from "../src/deleted-numbers.ts";
import { removeMessages } from "../src/remove-messages.ts";
import { directTransaction } from "../src/transaction.ts";
import { batch, collect, message } from "./setup.ts";
import { useChat } from "./use-chat.ts";
import fc from "fast-check";

describe("storing batches again and over broken connections", () => {
  const { test, chat, count } = useChat();

  it("changes nothing when a batch is delivered again", async () => {
    const delivered = batch(message(chat.id, 1), message(chat.id, 2));
    await test.batchStore.store([delivered]);
    const again = await test.batchStore.store([delivered, batch(message(chat.id, 3)), delivered]);
    expect(again).to.include({ stored: 1, knownBatches: 2 });
    expect(await count()).to.equal(3);
    expect(await test.outboxRanges()).to.deep.equal([
      [1, 2],
      [3, 3],
    ]);
  });

  it("stores a batch once when it is delivered several times concurrently", async () => {
    const delivered = batch(...Array.from({ length: 50 }, (_, i) => message(chat.id, i + 1)));
    const results = await Promise.all(Array.from({ length: 6 }, () => test.batchStore.store([delivered])));
    expect(results.map((result) => result.stored).sort((a, b) => a - b)).to.deep.equal([0, 0, 0, 0, 0, 50]);
    expect(await count()).to.equal(50);
  });

  it("counts a message once if it arrives in two batches", async () => {
    const twice = message(chat.id, 1);
    await test.batchStore.store([batch(twice)]);
    const result = await test.batchStore.store([batch(twice, message(chat.id, 2)), batch(twice)]);
    expect(result).to.deep.include({ stored: 1, conflicts: [] });
    expect(await count()).to.equal(2);
  });

  it("stores the missing messages of a batch that was stored before, and none twice", async () => {
    const [first, second, third] = [1, 2, 3].map((number) => message(chat.id, number));
    const id = randomBytes(16);
    await test.batchStore.store([{ id, messages: [first!] }]);
    const nothing = { conflicts: [], refused: [], erased: [], locked: [], repeated: [] };
    const oneMore = { stored: 1, knownBatches: 1, ...nothing };
    const again = await test.batchStore.store([{ id, messages: [first!, second!] }]);
    expect(again).to.deep.equal(oneMore);
    expect(await test.numbersOf(chat.id)).to.deep.equal([1, 2]);
    expect(await count()).to.equal(2);
    // A late resend was numbered a second time. Its messages are stored under their first numbers.
    const renumbered = [first!, second!].map((row) => ({ ...row, number: row.number + 7 }));
    const resend = { id, messages: [...renumbered, third!] };
    const repeated = renumbered.map((own, at) => ({ message: own, original: { number: at + 1, uid: own.uid } }));
    expect(await test.batchStore.store([resend])).to.deep.equal({ ...oneMore, repeated });
    expect(await test.batchStore.store([resend])).to.deep.equal({ ...oneMore, stored: 0, repeated });
    expect(await test.numbersOf(chat.id)).to.deep.equal([1, 2, 3, 8, 9]);
    expect(await count()).to.equal(3);
    // Readers may have been shown the second numbers.
    const changed = await test.database.prisma.messageChange.findMany({ where: { chatId: chat.id } });
    expect(changed.map(({ number }) => number)).to.deep.equal([8, 9]);
    expect(await test.messages.find(chat.id, 8)).to.include({ body: "", sender: null });
    expect(await unused(), "readers do not count the second numbers as unread").to.deep.equal([8, 9]);
  });

  const unused = async (): Promise<number[]> => {
    const rows = await test.database.prisma.deletedNumber.findMany({
      where: { chatId: chat.id },
      orderBy: { number: "asc" },
    });
    const { _sum } = await test.database.prisma.deletedBlock.aggregate({
      where: { chatId: chat.id },
      _sum: { numbers: true },
    });
    expect(_sum.numbers ?? 0, "in blocks").to.equal(rows.length);
    return rows.map(({ number }) => number);
  };
  const lost = (id: Uint8Array, numberings: { numbering: number; from: number }[], ...numbers: number[]) => ({
    id,
    messages: numbers.map((number) => ({ token: chat.token, chat: 1, chatId: chat.id, number })),
    numberings: numberings.map((each) => ({ chatId: chat.id, ...each })),
  });

  it("records the numbers of lost messages, except those that were stored before or are dead letters", async () => {
    const stored = batch(message(chat.id, 1), { ...message(chat.id, 2), damaged: true });
    await test.batchStore.store([stored]);
    await test.batchStore.noteLost([lost(stored.id, [], 1, 2), lost(randomBytes(16), [], 3, 4)]);
    expect(await unused()).to.deep.equal([3, 4]);
    await test.batchStore.noteLost([lost(randomBytes(16), [], 4), { ...lost(randomBytes(16), [], 5), messages: [] }]);
    expect(await unused()).to.deep.equal([3, 4]);
  });

  it("records no number of a chat that has another id now, or is unknown", async () => {
    const place = { token: chat.token, chat: 1, chatId: chat.id + 1_000n, number: 1 };
    const messages = [place, { ...place, chatId: chat.id, chat: 1_000 }];
    await test.batchStore.noteLost([{ id: randomBytes(16), messages, numberings: [] }]);
    expect(await test.database.prisma.deletedNumber.count({ where: { number: 1 } })).to.equal(0);
  });

  it("stores a batch that another worker has noted as lost, and counts its numbers as used again", async () => {
    const late = batch(message(chat.id, 1), message(chat.id, 2));
    await test.batchStore.noteLost([lost(late.id, [], 1, 2)]);
    expect(await unused()).to.deep.equal([1, 2]);
    expect(await test.batchStore.store([late])).to.include({ stored: 2 });
    expect(await unused()).to.deep.equal([]);
  });

  it("records the right numbers when a batch is stored and noted as lost at the same time", async () => {
    for (let round = 0; round < 10; round++) {
      const [one, two] = [2 * round + 1, 2 * round + 2];
      const both = batch(message(chat.id, one), message(chat.id, two));
      await Promise.all([test.batchStore.store([both]), test.batchStore.noteLost([lost(both.id, [], one, two)])]);
    }
    expect(await unused()).to.deep.equal([]);
    expect(await test.numbersOf(chat.id)).to.have.length(20);
  });

  it("forgets unused numbers from which on a later numbering begins, but not its own", async () => {
    const key = { id: randomBytes(15), request: randomBytes(9) };
    await test.batchStore.store([batch({ ...message(chat.id, 1), key })]);
    // Numbering 1 assigned 2 to 5, and all of them were lost.
    await test.batchStore.noteLost([lost(randomBytes(16), [], 2, 3, 4, 5)]);
    // Numbering 2 assigns 3 and 4, which are lost, then 5, a repetition of 1, and then 6.
    const numberings = [{ chatId: chat.id, numbering: 2, from: 3 }];
    await test.batchStore.noteLost([lost(randomBytes(16), numberings, 3)]);
    expect(await unused()).to.deep.equal([2, 3]);
    await test.batchStore.store([{ ...batch(message(chat.id, 4), { ...message(chat.id, 5), key }), numberings }]);
    expect(await unused()).to.deep.equal([2, 3, 5]);
  });

  it("keeps the lost numbers of a numbering that two transactions begin at the same time", async () => {
    for (let numbering = 1; numbering <= 20; numbering++) {
      const from = 2 * numbering;
      const numberings = [{ chatId: chat.id, numbering, from }];
      await Promise.all([
        test.batchStore.noteLost([lost(randomBytes(16), numberings, from)]),
        createBatchStore(test.database).store([{ ...batch(message(chat.id, from + 1)), numberings }]),
      ]);
    }
    expect(await unused()).to.have.length(20);
  });

  it("keeps the number of a repetition that begins a numbering", async () => {
    const key = { id: randomBytes(15), request: randomBytes(9) };
    await test.batchStore.store([batch({ ...message(chat.id, 1), key })]);
    const numberings = [{ chatId: chat.id, numbering: 2, from: 2 }];
    await test.batchStore.store([{ ...batch({ ...message(chat.id, 2), key }, message(chat.id, 3)), numberings }]);
    expect(await unused()).to.deep.equal([2]);
  });

  it("keeps numbers of deleted messages and of dead letters when a numbering begins below them", async () => {
    await test.batchStore.store([
      batch(message(chat.id, 1), message(chat.id, 2), { ...message(chat.id, 3), damaged: true }),
    ]);
    await removeMessages(test.database, chat.id, [2]);
    await directTransaction(test.database, (tx) => addDeletedNumbers(tx, chat.id, [3]), { timeoutMs: 10_000 });
    await test.batchStore.store([
      { ...batch(message(chat.id, 4)), numberings: [{ chatId: chat.id, numbering: 2, from: 2 }] },
    ]);
    expect(await unused()).to.deep.equal([2, 3]);
  });

  it("keeps exact counts and each message once, even with concurrent repeated deliveries", async () => {
    const persisters = [test.batchStore, createBatchStore(test.database), createBatchStore(test.database)];
    const chat = fc.nat({ max: 3 });
    const deliveries = fc.array(
      fc.record({
        sizes: fc.array(fc.record({ chat, size: fc.integer({ min: 1, max: 12 }) }), { minLength: 1, maxLength: 5 }),
        by: fc.uniqueArray(fc.nat({ max: 2 }), { minLength: 1 }),
        again: fc.boolean(),
      }),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(deliveries, async (plan) => {
        const chats = await Promise.all(Array.from({ length: 4 }, () => test.newChat()));
        const last = new Map<bigint, number>();
        const all: AddressedMessage[] = [];
        const calls = plan.flatMap(({ sizes, by, again }) => {
          const messages = sizes.flatMap(({ chat: index, size }) =>
            Array.from({ length: size }, () => {
              const { id } = chats[index]!;
              const number = (last.get(id) ?? 0) + 1;
              last.set(id, number);
              return message(id, number);
            }),
          );
          all.push(...messages);
          // The order in a batch differs from the key order, to test the lock order.
          const delivery = batch(...messages.toReversed());
          // The same messages under a different batch id, like a batch of a sweep that overlaps the first one.
          const overlapping = batch(...messages.slice(0, 3));
          return by.flatMap((who) => [
            () => persisters[who]!.store([delivery]),
            ...(again ? [() => persisters[who]!.store([overlapping, delivery])] : []),
          ]);
        });
        const results = await Promise.all(calls.map((call) => call()));
        expect(results.flatMap((result) => result.conflicts)).to.deep.equal([]);
        expect(results.reduce((sum, result) => sum + result.stored, 0)).to.equal(all.length);
        for (const { id, messagesCount, numbersSum } of await test.database.prisma.chat.findMany({
          where: { id: { in: chats.map((row) => row.id) } },
        })) {
          const rows = await test.messages.range(id, { limit: 1_000 });
          expect(messagesCount).to.equal(rows.length);
          expect(Number(numbersSum)).to.equal(rows.reduce((sum, { number }) => sum + number, 0));
          const sent = all.filter((row) => row.chatId === id);
          expect(rows.map((row) => [row.number, Buffer.from(row.uid).toString("hex")])).to.deep.equal(
            sent.map((row) => [row.number, Buffer.from(row.uid).toString("hex")]),
          );
        }
      }),
      { numRuns: 25 },
    );
    expect(await collect(verifyCounts(test.database))).to.deep.equal([]);
  }).timeout(90_000);
});
