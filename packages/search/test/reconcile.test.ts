import { testStores, useForEach } from "@confab/testkit";
import { countIndexed, createElasticsearchIndex, isSameCount } from "@confab/search";
import { expect } from "chai";
import { createTestIndex } from "./backends.ts";
import { messageOf, newChat } from "./documents.ts";

describe("counting what the index has", () => {
  const es = useForEach(createTestIndex);

  it("counts the messages of chats and ranges, and adds up their numbers exactly", async () => {
    const [chatId, other] = [newChat(), newChat()];
    const last = 2_147_483_647;
    const numbers = [1, 2, 4, last - 1, last];
    await es.index([...numbers.map((number) => messageOf(chatId, number, "text")), messageOf(other, 7, "text")]);
    // Removed documents no longer count.
    await es.index([messageOf(chatId, 2, null, 2)], { refresh: true });
    const ranges = [{ chatId }, { chatId, from: 2, to: 4 }, { chatId, from: 5, to: 9 }, { chatId: other }];
    expect(await countIndexed(es, ranges)).to.deep.equal([
      { count: 4, sum: 2 * last + 4 },
      { count: 1, sum: 4 },
      { count: 0, sum: 0 },
      { count: 1, sum: 7 },
    ]);
    expect(await countIndexed(es, [])).to.deep.equal([]);
  });

  it("has more time than a search, because it reads all messages of a chat", async () => {
    const chatId = newChat();
    await es.index([messageOf(chatId, 1, "text")], { refresh: true });
    const url = testStores().elasticsearchUrl;
    const hurried = createElasticsearchIndex({ url, name: es.connection.readAlias, requestTimeoutMs: 1 });
    expect(await countIndexed(hurried, Array<{ chatId: bigint }>(100).fill({ chatId }))).to.have.lengthOf(100);
    await hurried.close();
  });

  it("distinguishes as many messages with other numbers", () => {
    expect(isSameCount({ count: 5, sum: 15 }, { count: 5, sum: 15 })).to.equal(true);
    expect(isSameCount({ count: 5, sum: 15 }, { count: 5, sum: 18 })).to.equal(false);
    expect(isSameCount({ count: 5, sum: 15 }, { count: 6, sum: 15 })).to.equal(false);
    const [count, sum] = [2 ** 27, Number.MAX_SAFE_INTEGER];
    expect(isSameCount({ count, sum }, { count, sum: sum - 1 })).to.equal(false);
  });

  it("takes sums that are too large for a double for the same if they differ by rounding alone", async () => {
    const chatId = newChat();
    // The numbers are larger than real message numbers, because a test has no time to write more documents.
    const numbers = Array.from({ length: 1_000 }, (_, at) => 2 ** 45 + 7 * at * at + 1);
    await es.index(
      numbers.map((number) => messageOf(chatId, number, "text")),
      { refresh: true },
    );
    const [indexed] = await countIndexed(es, [{ chatId }]);
    const sum = Number(numbers.reduce((total, number) => total + BigInt(number), 0n));
    expect(sum).to.be.greaterThan(2 ** 54);
    const stored = { count: 1_000, sum };
    expect(isSameCount(stored, indexed!)).to.equal(true);
    const ulp = 2 ** 2;
    expect(isSameCount(stored, { count: 1_000, sum: sum + 2 * ulp })).to.equal(true);
    // The sum differs as if a message at the end replaced one in the middle of 200 million.
    expect(isSameCount(stored, { count: 1_000, sum: sum + 100_000_000 })).to.equal(false);
  });
});
