import { useForAll } from "@confab/testkit";
import { toJsonText } from "@confab/contracts";
import { createMessageChanges, removeHistories, removeMessages, verifyCounts } from "@confab/database";
import { expect } from "chai";
import fc from "fast-check";
import { batch, collect, message, openTestDatabase } from "./setup.ts";

describe("removing many messages of a chat", () => {
  let chatId: bigint;
  const test = useForAll(openTestDatabase);
  const changes = useForAll(() => createMessageChanges(test.database));
  const fresh = async (count: number): Promise<void> => {
    ({ id: chatId } = await test.newChat());
    const messages = Array.from({ length: count }, (_, at) => ({
      ...message(chatId, at + 1),
      sender: "anna",
      metadata: toJsonText({ a: 1 }),
    }));
    await test.batchStore.store([batch(...messages)]);
    await test.outbox.drain(10_000, () => Promise.resolve());
  };
  const rows = () => test.messages.range(chatId, { limit: 100 });

  it("leaves the same as removing them one by one, for any changes before", async () => {
    const action = fc.record({ number: fc.integer({ min: 1, max: 8 }), isEdit: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 8 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        async (actions, numbers) => {
          const states = [];
          for (const together of [true, false]) {
            await fresh(8);
            for (const { number, isEdit } of actions) {
              await (isEdit
                ? changes.edit({ chatId, number }, { body: "edited" })
                : changes.remove({ chatId, number }));
            }
            const sorted = numbers.toSorted((a, b) => a - b);
            if (together) await removeMessages(test.database, chatId, sorted);
            else for (const number of sorted) await changes.remove({ chatId, number });
            const chat = await test.database.prisma.chat.findUniqueOrThrow({ where: { id: chatId } });
            const deleted = await test.database.prisma.deletedNumber.findMany({ where: { chatId } });
            await removeHistories(test.database, { forMs: 5_000 });
            const versions = await test.database.prisma.messageVersion.count({
              where: { chatId, number: { in: sorted } },
            });
            const { items } = await changes.after(chatId, 0, 100);
            const indexed = new Set<number>();
            await test.outbox.drain(10_000, (ranges) => {
              for (const { from, to } of ranges.filter((range) => range.chatId === chatId)) {
                for (let number = from; number <= to; number++) indexed.add(number);
              }
              return Promise.resolve();
            });
            const live = (await rows()).filter(({ deletedAt }) => deletedAt === null);
            expect(Number(chat.numbersSum)).to.equal(live.reduce((sum, { number }) => sum + number, 0));
            states.push({
              count: chat.messagesCount,
              isLast: chat.lastChangeNumber === items.at(-1)?.changeNumber,
              deleted: deleted.map(({ number }) => number),
              versions,
              order: items.map(({ number }) => number),
              rows: (await rows()).map(({ number, body, metadata, version, deletedAt, sender }) => {
                return [number, body, metadata, version, deletedAt !== null, sender];
              }),
              indexed: [...indexed].sort(),
            });
          }
          expect(states[0]).to.deep.equal(states[1]);
        },
      ),
      { numRuns: 25 },
    );
    expect(await collect(verifyCounts(test.database))).to.deep.equal([]);
  });

  it("takes the sender from the tombstones, earlier ones included", async () => {
    await fresh(4);
    await changes.remove({ chatId, number: 1 });
    const options = { forgetSender: true };
    expect(await removeMessages(test.database, chatId, [1, 2, 3, 9], options)).to.equal(2);
    expect((await rows()).map(({ sender }) => sender)).to.deep.equal([null, null, null, "anna"]);
    expect(await removeMessages(test.database, chatId, [1, 2, 3], options), "again").to.equal(0);
    expect(await removeMessages(test.database, chatId + 999n, [1])).to.equal(0);
    expect(await removeMessages(test.database, chatId, [])).to.equal(0);
  });
});
