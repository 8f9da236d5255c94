import { useForAll } from "@confab/testkit";
import { expect } from "chai";
import { createTestIndex } from "./backends.ts";
import { messageOf, newChat } from "./documents.ts";

describe("an index with three shards", () => {
  const es = useForAll(() => createTestIndex({ shards: 3 }));

  it("finds the messages of all its shards, newest first, and each chat's in one of them", async () => {
    const chats = Array.from({ length: 30 }, newChat);
    const documents = chats.flatMap((chatId, at) =>
      [1, 2].map((number) => ({ ...messageOf(chatId, number, "found"), createdAt: new Date(1_000 * number + at) })),
    );
    await es.index(documents, { refresh: true });
    const { client, readAlias } = es.connection;
    const { indices } = await client.indices.stats({ index: readAlias, metric: "docs", level: "shards" });
    const shards = Object.values(Object.values(indices!)[0]!.shards!);
    const counts = shards.map(([primary]) => primary!.docs!.count);
    expect(counts).to.have.length(3);
    expect(Math.min(...counts), "each shard has some").to.be.greaterThan(0);
    expect(
      counts.every((count) => count % 2 === 0),
      "no chat is divided",
    ).to.equal(true);

    const everywhere = await es.searchApplication({ applicationId: 7n, q: "found", limit: 60 });
    const newestFirst = [2, 1].flatMap((number) => chats.map((chatId) => ({ chatId, number })).reverse());
    expect(everywhere.hits.map(({ chatId, number }) => ({ chatId, number }))).to.deep.equal(newestFirst);
    const { hits } = await es.search({ chatId: chats[5]!, q: "found", limit: 10 });
    expect(hits.map(({ number }) => number)).to.deep.equal([2, 1]);
  });
});
