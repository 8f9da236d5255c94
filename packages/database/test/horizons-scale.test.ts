import { expect } from "chai";
import fc from "fast-check";
import { createRetention, removeMessages } from "@confab/database";
import { tooLong, batch, message } from "./setup.ts";
import { useHorizons } from "./use-horizons.ts";

describe("read horizons in long chats", () => {
  const { test, horizons, changes, recount } = useHorizons();

  it("count what is kept, in time that does not grow with what was deleted", async function () {
    const long = await test.newChat();
    const deleted = 300_000;
    const { prisma } = test.database;
    const digits = (count: number) => JSON.stringify(Array.from({ length: count }, (_, at) => at));
    await prisma.$executeRaw`
      INSERT INTO deleted_numbers (chat_id, number)
      SELECT ${long.id}, 1 + a.n + 1000 * b.n FROM
        JSON_TABLE(${digits(1_000)}, '$[*]' COLUMNS (n INT PATH '$')) a,
        JSON_TABLE(${digits(deleted / 1_000)}, '$[*]' COLUMNS (n INT PATH '$')) b`;
    await prisma.$executeRaw`
      INSERT INTO deleted_blocks SELECT chat_id, number DIV 1000, COUNT(*) FROM deleted_numbers
       WHERE chat_id = ${long.id} GROUP BY chat_id, number DIV 1000`;
    await test.batchStore.store([batch(message(long.id, deleted + 1))]);
    const quickest = async (count: () => Promise<unknown>) => {
      const times: number[] = [];
      for (let run = 0; run < 5; run++) {
        const began = performance.now();
        await count();
        times.push(performance.now() - began);
      }
      return Math.min(...times);
    };
    const all = await quickest(() => prisma.deletedNumber.count({ where: { chatId: long.id } }));
    const kept = await quickest(async () => {
      expect(await horizons.unread(long.id, 0, deleted + 1)).to.equal(1);
    });
    if (process.env.CONFAB_SHOW_FIGURES !== undefined) process.stdout.write(`${all} ms for all, ${kept} ms\n`);
    expect(kept, `${all} ms when all numbers are counted`).to.be.lessThan(all / 5);
  });

  it("count exactly across thousands of numbers, whatever was deleted in whatever way", async () => {
    const last = 4_500;
    const { id } = await test.newChat();
    const numbers = Array.from({ length: last }, (_, at) => at + 1);
    for (let from = 0; from < last; from += 500) {
      await test.batchStore.store([batch(...numbers.slice(from, from + 500).map((number) => message(id, number)))]);
    }
    const bounds = [1, 999, 1_000, 1_001, 1_999, 2_000, 2_500, 3_999, 4_000, 4_001, last];
    const expectCounts = async (what: string) => {
      for (const horizon of [0, ...bounds.map((number) => number - 1), ...bounds]) {
        expect(await horizons.unread(id, horizon, last), `${what}, above ${horizon}`).to.equal(
          await recount(id, horizon),
        );
      }
    };
    await expectCounts("nothing deleted");
    await Promise.all(bounds.map((number) => changes.remove({ chatId: id, number })));
    await expectCounts("one by one, at once");
    await removeMessages(test.database, id, numbers.filter((number) => number % 3 === 0).slice(0, 1_000));
    await expectCounts("every third one");
    await removeMessages(test.database, id, numbers.slice(1_200, 2_200));
    await removeMessages(test.database, id, numbers.slice(1_200, 2_200));
    await expectCounts("a thousand, twice");
    await createRetention(test.database).expire(id, new Date());
    await expectCounts("retention that finds nothing");
  });

  it("have exact unread counts when everything happens at once in one chat", async () => {
    const { id, token } = await test.newChat();
    await test.batchStore.store([batch(...Array.from({ length: 40 }, (_, at) => message(id, at + 1)))]);
    const operations = fc.sample(fc.record({ number: fc.integer({ min: 1, max: 40 }), kind: fc.nat(3) }), {
      numRuns: 160,
      seed: 11,
    });
    await Promise.all([
      ...operations.map(({ number, kind }, at): Promise<unknown> => {
        if (kind === 0) return changes.remove({ chatId: id, number });
        if (kind === 1) return changes.edit({ chatId: id, number }, { body: `edited ${at}` });
        return horizons.advance(id, `reader ${at % 5}`, number);
      }),
      ...Array.from({ length: 10 }, (_, at) =>
        test.batchStore.store([batch(message(id, 41 + at, at % 3 === 0 ? tooLong : "late"))]),
      ),
    ]);
    for (let at = 0; at < 6; at += 1) {
      const horizon = (await horizons.find(id, `reader ${at}`))?.number ?? 0;
      expect(await horizons.unread(id, horizon, 50)).to.equal(await recount(id, horizon));
      const { items } = (await horizons.unreadChats(token, `reader ${at}`, { limit: 10 }))!;
      expect(items.map(({ unread }) => unread)).to.deep.equal([await recount(id, horizon)]);
    }
  });

  it("examine a bounded number of chats per page, and lead to the end", async () => {
    const { token } = await test.newChat();
    const chats = await Promise.all(Array.from({ length: 1_100 }, () => test.chats.create({ token })));
    const { prisma } = test.database;
    const at = new Date();
    const application = await prisma.application.findUniqueOrThrow({ where: { token } });
    await prisma.chat.updateMany({
      where: { applicationId: application.id },
      data: { lastMessageNumber: 1, lastMessageAt: at },
    });
    const oldest = chats[0]!;
    await prisma.chat.update({ where: { id: oldest.id }, data: { lastMessageAt: new Date(at.getTime() - 1) } });
    await prisma.read.createMany({
      data: (await prisma.chat.findMany({ where: { applicationId: application.id, id: { not: oldest.id } } })).map(
        ({ id }) => ({ chatId: id, reader: Buffer.from("anna"), number: 1, updatedAt: at }),
      ),
    });
    const first = (await horizons.unreadChats(token, "anna", { limit: 50 }))!;
    expect(first.items).to.deep.equal([]);
    const second = (await horizons.unreadChats(token, "anna", { after: first.next, limit: 50 }))!;
    expect(second.items.map(({ id }) => id)).to.deep.equal([oldest.id]);
    expect(second.next).to.equal(undefined);
    expect(await horizons.unreadChats("2f0c8a9e-5d0b-4b52-9a63-0c6ab5c3b6f1", "anna", { limit: 50 })).to.equal(
      undefined,
    );
  });
});
