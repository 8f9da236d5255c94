import { setTimeout as sleep } from "node:timers/promises";
import { eventually, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { createMessageChanges, createHorizons, WriteNotDone } from "@confab/database";
import { batch, message, openTestDatabase, rejection } from "./setup.ts";

const timeoutMs = 400;

describe("a write that its caller has given up", () => {
  let chatId: bigint;
  const test = useForEach(openTestDatabase);
  beforeEach(async () => {
    ({ id: chatId } = await test.newChat());
    await test.batchStore.store([batch(message(chatId, 1))]);
  });

  /** Holds a lock on the rows of a query while `during` runs. */
  const whileLocked = (query: string, during: () => Promise<void>) =>
    test.database.prisma.$transaction(
      async (other) => {
        await other.$queryRawUnsafe(`${query} FOR UPDATE`);
        await during();
      },
      { timeout: 20_000 },
    );
  const atRest = () => eventually(() => expect(test.database.sessions()).to.include({ used: 1, waiting: 0 }));

  it("holds no lock any more, while the lock for which it waited is still held", async () => {
    const changes = createMessageChanges(test.database, { timeoutMs });
    await whileLocked(`SELECT number FROM messages WHERE chat_id = ${chatId}`, async () => {
      const edits = Array.from({ length: 5 }, () => rejection(changes.edit({ chatId, number: 1 }, { body: "new" })));
      for (const error of await Promise.all(edits)) expect(error).to.be.instanceOf(WriteNotDone);
      await eventually(
        () => test.database.prisma.$queryRaw`SELECT id FROM chats WHERE id = ${chatId} FOR UPDATE NOWAIT`,
        {
          timeoutMs: 1_000,
        },
      );
      await atRest();
    });
    await sleep(500);
    expect(await test.messages.find(chatId, 1)).to.include({ version: 1, body: "message 1" });
  });

  it("is not repeated, and costs no session, however often it happens", async () => {
    const changes = createMessageChanges(test.database, { timeoutMs });
    const reads = createHorizons(test.database, { timeoutMs });
    await whileLocked(`SELECT id FROM chats WHERE id = ${chatId}`, async () => {
      for (let round = 0; round < 3; round++) {
        const given = Array.from({ length: 8 }, () => rejection(changes.remove({ chatId, number: 1 })));
        for (const error of await Promise.all(given)) expect(error).to.be.instanceOf(WriteNotDone);
        await atRest();
      }
      // No statement is waiting for the lock any more.
      await eventually(
        async () => {
          const [waits] = await test.database.prisma.$queryRaw<{ found: bigint }[]>`
        SELECT COUNT(*) AS found FROM information_schema.processlist
         WHERE db = DATABASE() AND info LIKE ${"SELECT last_change_number%"}`;
          expect(Number(waits?.found)).to.equal(0);
        },
        { timeoutMs: 2_000 },
      );
      expect(await reads.advance(chatId, "anna", 1), "others continue").to.include({ hasMoved: true });
    });
    expect((await changes.remove({ chatId, number: 1 })).kind).to.equal("changed");
  });
});
