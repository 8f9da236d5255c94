import { useForEach } from "@confab/testkit";
import { expect } from "chai";
import { SearchUnavailable, verify, type SearchDocument } from "@confab/search";
import { createTestIndex } from "./backends.ts";
import { failure } from "./failure.ts";
import { messageOf, messagesOf, newChat } from "./documents.ts";
import { createMessageTable } from "./message-table.ts";

describe("verifying the index", () => {
  const es = useForEach(createTestIndex);
  const none = { count: 0, first: [] };

  it("finds every planted difference and nothing else", async () => {
    const table = createMessageTable();
    const [a, b, c] = [newChat(), newChat(), newChat()];
    const bodies = Array.from({ length: 700 }, (_, at) => `message ${at}`);
    table.commit([a, b, c].flatMap((chatId) => messagesOf(chatId, bodies)));
    table.commit([messageOf(b, 5, null, 2)]);
    await es.index([...table.rows.values()]);
    expect(await verify(es, () => table.scan())).to.deep.equal({
      equal: 2099,
      missing: none,
      extra: none,
      different: none,
    });

    const foreign: SearchDocument = { ...messageOf(c, 9, "message 8", 2), applicationId: 8n };
    await es.index([messageOf(a, 701, "extra"), messageOf(b, 5, "extra", 3), messageOf(newChat(), 1, "extra")]);
    await es.index([messageOf(a, 3, "another body", 2), foreign]);
    table.commit([messageOf(c, 9, "message 8", 2)]);
    table.commit([messageOf(b, 7, "message 6", 2), messageOf(b, 701, "missing"), messageOf(c, 0, "missing")]);
    const { equal, missing, extra, different } = await verify(es, () => table.scan());
    expect(equal).to.equal(2096);
    expect(missing).to.deep.equal({
      count: 2,
      first: [
        { chatId: b, number: 701 },
        { chatId: c, number: 0 },
      ],
    });
    expect(extra.count).to.equal(3);
    expect(extra.first.slice(0, 2)).to.deep.equal([
      { chatId: a, number: 701 },
      { chatId: b, number: 5 },
    ]);
    expect(different).to.deep.equal({
      count: 3,
      first: [
        { chatId: a, number: 3 },
        { chatId: b, number: 7 },
        { chatId: c, number: 9 },
      ],
    });
  });

  it("looks a second time at what was written meanwhile", async () => {
    const table = createMessageTable();
    const chatId = newChat();
    const messages = messagesOf(chatId, ["equal", "indexed late", "edited", "deleted", "lost"]);
    table.commit(messages);
    await es.index([...messages.slice(0, 1), ...messages.slice(2, 4), messageOf(chatId, 6, "stored late")]);
    table.commit([messageOf(chatId, 3, "edited again", 2)]);
    const asked: number[][] = [];
    const { equal, missing, extra, different } = await verify(es, () => table.scan(), {
      settled: async (positions) => {
        asked.push(positions.map(({ number }) => number));
        await es.index([messages[1]!, messageOf(chatId, 3, "edited again", 2)]);
        table.commit([messageOf(chatId, 4, null, 2), messageOf(chatId, 6, "stored late")]);
        return positions.flatMap(({ number }) => table.rows.get(`${chatId}-${number}`) ?? []);
      },
    });
    expect(asked).to.deep.equal([[2, 3, 5, 6]]);
    expect(equal).to.equal(5);
    expect(missing).to.deep.equal({ count: 1, first: [{ chatId, number: 5 }] });
    expect({ extra, different }).to.deep.equal({ extra: none, different: none });
  });

  it("counts all differences and shows the first twenty", async () => {
    const table = createMessageTable();
    const chatId = newChat();
    table.commit(messagesOf(chatId, Array<string>(30).fill("lost")));
    const { missing, equal } = await verify(es, () => table.scan());
    expect(equal).to.equal(0);
    expect(missing.count).to.equal(30);
    expect(missing.first.map(({ number }) => number)).to.deep.equal(Array.from({ length: 20 }, (_, at) => at + 1));
  });

  it("treats an empty table and an empty index as equal", async () => {
    expect(await verify(es, () => createMessageTable().scan())).to.deep.equal({
      equal: 0,
      missing: none,
      extra: none,
      different: none,
    });
  });

  it("fails with the database's error, and reports a missing index", async () => {
    const broken = (): AsyncIterable<SearchDocument[]> => {
      throw new Error("the database became unavailable");
    };
    expect(String(await failure(verify(es, broken)))).to.contain("the database became unavailable");
    const { client, readAlias } = es.connection;
    await client.indices.delete({ index: Object.keys(await client.indices.getAlias({ name: readAlias })) });
    expect(await failure(verify(es, () => createMessageTable().scan()))).to.be.instanceOf(SearchUnavailable);
    await es.prepare();
  });
});
