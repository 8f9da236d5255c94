import { useForAll } from "@confab/testkit";
import { expect } from "chai";
import { createNumberings, verifyCounts } from "@confab/database";
import { batch, collect, message, openTestDatabase } from "./setup.ts";

describe("storing while the row of a chat is locked", () => {
  const test = useForAll(() => openTestDatabase({ lockWaitMs: 1_000 }));

  it("stores the messages of all other chats, waits once, and stores the rest afterwards", async () => {
    const [locked, other] = [await test.newChat(), await test.newChat()];
    const mixed = batch(message(locked.id, 1), message(other.id, 1));
    const own = { ...batch(message(locked.id, 2)), numberings: [{ chatId: locked.id, numbering: 1, from: 1 }] };
    const timed = async (...batches: Parameters<typeof test.batchStore.store>[0]) => {
      const began = performance.now();
      return { ...(await test.batchStore.store(batches)), ms: performance.now() - began };
    };
    await test.database.prisma.$transaction(
      async (holder) => {
        await holder.$queryRaw`SELECT id FROM chats WHERE id = ${locked.id} FOR UPDATE`;
        const first = await timed(mixed, own);
        expect(first.stored).to.equal(1);
        expect(first.locked).to.deep.equal([mixed.messages[0], own.messages[0]]);
        expect(first.ms, "waits for the lock once").to.be.lessThan(4_000);
        const next = await timed(own, batch(message(other.id, 2)));
        expect([next.stored, next.locked.length]).to.deep.equal([1, 1]);
        expect(next.ms, "and not again").to.be.lessThan(900);
        // Now a second chat is locked.
        const third = await test.newChat();
        await holder.$queryRaw`SELECT id FROM chats WHERE id = ${third.id} FOR UPDATE`;
        const both = await timed(own, batch(message(third.id, 1)), batch(message(other.id, 3)));
        expect([both.stored, both.locked.length]).to.deep.equal([1, 2]);
        expect(await test.numbersOf(locked.id)).to.deep.equal([]);
      },
      { timeout: 20_000 },
    );
    // The first batch was recorded, because it also has a message in another chat. The second one was not.
    const rest = await test.batchStore.store([mixed, own]);
    expect(rest).to.include({ stored: 2, knownBatches: 1 });
    expect(rest.locked).to.deep.equal([]);
    expect(await test.batchStore.store([mixed, own])).to.include({ stored: 0, knownBatches: 2 });
    expect(await test.numbersOf(locked.id)).to.deep.equal([1, 2]);
    expect(await createNumberings(test.database).firstAfter(locked.id, 0)).to.deep.equal({ from: 1, numbering: 1 });
    expect(await test.numbersOf(other.id)).to.deep.equal([1, 2, 3]);
    expect(await collect(verifyCounts(test.database))).to.deep.equal([]);
  });

  it("takes a chat that was deleted meanwhile for deleted", async () => {
    const chat = await test.newChat();
    const own = batch(message(chat.id, 1));
    await test.database.prisma.$transaction(
      async (holder) => {
        await holder.$executeRaw`DELETE FROM chats WHERE id = ${chat.id}`;
        expect((await test.batchStore.store([own])).locked).to.have.lengthOf(1);
      },
      { timeout: 20_000 },
    );
    expect(await test.batchStore.store([own])).to.deep.include({ stored: 0, locked: [] });
  });
});
