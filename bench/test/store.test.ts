import { expect } from "chai";
import { createDatabase, migrate } from "@confab/database";
import { createTestDatabase, testStores } from "@confab/testkit";
import { bodiesOf, createTarget } from "../src/load/messages.ts";
import { storeMessages } from "../src/load/store.ts";
import { readStored } from "../src/verify.ts";

describe("messages that are stored without the services", () => {
  it("are numbered and counted in each chat, with the texts in turn", async () => {
    const own = await createTestDatabase();
    await migrate(own.url);
    const database = createDatabase({ url: own.url });
    try {
      const stores = { redisUrl: testStores().redisUrl, databaseUrl: own.url, database, pids: { redis: 0, mysql: 0 } };
      const target = await createTarget(stores, 2);
      await storeMessages(stores, target, 3_000, (at) => bodiesOf(1 + (at % 2))[at % 10]!);
      const { chats, faults } = await readStored(stores, target);
      expect(faults).to.deep.equal([]);
      expect(chats.map(({ count }) => count)).to.deep.equal([1_500, 1_500]);
      const { createdAt } = await database.prisma.message.findFirstOrThrow({ orderBy: { createdAt: "desc" } });
      const { lastMessageAt, lastMessageNumber } = await database.prisma.chat.findFirstOrThrow({
        where: { number: 2 },
      });
      expect(lastMessageAt).to.deep.equal(createdAt);
      expect(lastMessageNumber).to.equal(1_500);
    } finally {
      await database.close();
      await own.drop();
    }
  });
});
