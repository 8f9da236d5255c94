import { expect } from "chai";
import { useForEach } from "@confab/testkit";
import { rebuild, SearchUnavailable } from "@confab/search";
import { createElasticsearchBackend, createTestIndex } from "./backends.ts";
import { describeSearchIndex } from "./conformance.ts";
import { messageOf, messagesOf, newChat } from "./documents.ts";
import { failure } from "./failure.ts";

describeSearchIndex("search in Elasticsearch", createElasticsearchBackend);

describe("the Elasticsearch index", () => {
  const es = useForEach(createTestIndex);
  const search = (chatId: bigint, q: string) => es.search({ chatId, q, limit: 10 });

  it("is created once when several processes prepare it at the same time", async () => {
    const { client, readAlias, writeAlias } = es.connection;
    const [made = ""] = Object.keys(await client.indices.getAlias({ name: readAlias }));
    await client.indices.delete({ index: made });
    await Promise.all(Array.from({ length: 5 }, () => es.prepare()));
    const serving = Object.keys(await client.indices.getAlias({ name: readAlias }));
    const written = Object.keys(await client.indices.getAlias({ name: writeAlias }));
    expect(serving).to.have.lengthOf(1);
    expect(written).to.deep.equal(serving);
    expect(serving).not.to.deep.equal([made]);
  });

  it("gets missing fields of an older version of Confab when it is prepared", async () => {
    const { client, readAlias, writeAlias } = es.connection;
    const [made = ""] = Object.keys(await client.indices.getAlias({ name: readAlias }));
    const { mappings, settings } = (await client.indices.get({ index: made }))[made]!;
    const all = Object.entries(mappings!.properties!);
    const older = Object.fromEntries(all.filter(([field]) => field !== "uid" && field !== "bytes"));
    await client.indices.delete({ index: made });
    await client.indices.create({
      index: `${readAlias}-older`,
      mappings: { ...mappings, properties: older },
      settings: { analysis: settings!.index!.analysis!, number_of_shards: 1 },
      aliases: { [readAlias]: { is_write_index: true }, [writeAlias]: {}, [`${readAlias}-older-direct`]: {} },
    });
    const chatId = newChat();
    await es.prepare();
    expect(await es.index([messageOf(chatId, 1, "upgraded")], { refresh: true })).to.include({ indexed: 1 });
    expect((await search(chatId, "upgraded")).hits).to.have.lengthOf(1);
  });

  it("is not searched by time if an older version of Confab created it, until it is rebuilt", async () => {
    const { client, readAlias, writeAlias } = es.connection;
    const [made = ""] = Object.keys(await client.indices.getAlias({ name: readAlias }));
    const { mappings, settings } = (await client.indices.get({ index: made }))[made]!;
    const { chat_number, ...older } = mappings!.properties!;
    expect(chat_number).to.deep.equal({ type: "long" });
    await client.indices.delete({ index: made });
    await client.indices.create({
      index: `${readAlias}-older`,
      mappings: {
        ...mappings,
        properties: { ...older, created_at: { type: "date", index: false, doc_values: false } },
      },
      settings: { analysis: settings!.index!.analysis!, number_of_shards: 1 },
      aliases: { [readAlias]: { is_write_index: true }, [writeAlias]: {}, [`${readAlias}-older-direct`]: {} },
    });
    await es.prepare();
    const message = messageOf(newChat(), 1, "older");
    const { chatId, applicationId } = message;
    await es.index([message], { refresh: true });
    expect((await search(chatId, "older")).hits).to.have.lengthOf(1);
    const byTime = [
      () => es.searchApplication({ applicationId, q: "older", limit: 1 }),
      () => es.search({ chatId, q: "older", from: new Date(0), limit: 1 }),
    ];
    for (const searchByTime of byTime) {
      const error = await failure(searchByTime());
      expect(error).to.be.instanceOf(SearchUnavailable);
      expect(String(error)).to.contain("confabctl search reindex");
    }
    await rebuild(es, {
      scan: async function* () {
        yield await Promise.resolve([message]);
      },
    });
    for (const searchByTime of byTime) expect((await searchByTime()).hits).to.have.lengthOf(1);
  });

  it("finds no document without a chat number, which an older version of Confab wrote, across an application", async () => {
    const { client, writeAlias } = es.connection;
    const message = messageOf(newChat(), 1, "hello");
    await es.index([message], { refresh: true });
    const { chatId, applicationId } = message;
    const routing = chatId.toString();
    const { _source } = await client.get<Record<string, unknown>>({ index: writeAlias, id: `${chatId}-1`, routing });
    const { chat_number, ...older } = _source!;
    expect(chat_number).to.equal(message.chatNumber);
    const document = { ...older, number: 2, folded: "hello" };
    await client.index({ index: writeAlias, id: `${chatId}-2`, routing, document, refresh: true });
    expect((await search(chatId, "hello")).hits).to.have.lengthOf(2);
    expect((await es.searchApplication({ applicationId, q: "hello", limit: 1 })).hits).to.have.lengthOf(1);
  });

  it("reports a document that can never be indexed, and indexes the others", async () => {
    const chatId = newChat();
    const result = await es.index(
      [messageOf(chatId, 1, "good"), messageOf(chatId, 2 ** 70, "number out of range"), messageOf(chatId, 3, "good")],
      { refresh: true },
    );
    expect(result.indexed).to.equal(2);
    expect(result.rejected).to.have.lengthOf(1);
    expect(result.rejected[0]).to.include({ chatId, number: 2 ** 70 });
    expect(result.rejected[0]?.reason).to.contain("document_parsing_exception");
    expect((await search(chatId, "good")).hits.map(({ number }) => number)).to.deep.equal([3, 1]);
  });

  it("treats late and repeated writes, and deletions of missing documents, as done", async () => {
    const chatId = newChat();
    await es.index([messageOf(chatId, 1, "new", 2)]);
    const result = await es.index([
      messageOf(chatId, 1, "old", 1),
      messageOf(chatId, 1, "new", 2),
      messageOf(chatId, 2, null, 1),
      messageOf(chatId, 2, "old", 1),
    ]);
    expect(result).to.deep.equal({ indexed: 4, rejected: [] });
  });

  it("remembers a deletion after refreshes, so that a late write does not restore the message", async () => {
    const chatId = newChat();
    await es.index([messageOf(chatId, 1, "deleted")], { refresh: true });
    await es.index([messageOf(chatId, 1, null, 3)], { refresh: true });
    // On a refresh, Elasticsearch drops old deletions according to a clock that advances five times per second.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    for (const number of [2, 3]) await es.index([messageOf(chatId, number, "other")], { refresh: true });
    await es.index([messageOf(chatId, 1, "deleted", 2)], { refresh: true });
    expect((await search(chatId, "deleted")).hits).to.deep.equal([]);
    expect((await search(chatId, "other")).hits).to.have.lengthOf(2);
  });

  describe("when the database lost a message and assigned its number to another one", () => {
    const bodies = async (chatId: bigint, q: string) => (await search(chatId, q)).hits.map(({ body }) => body);

    for (const version of [1, 5]) {
      it(`contains the other one, although the lost one had version ${version}`, async () => {
        const chatId = newChat();
        await es.index([messageOf(chatId, 1, "lost text", version, 1)], { refresh: true });
        const result = await es.index([messageOf(chatId, 1, "new text", 1, 2)], { refresh: true });
        expect(result).to.deep.equal({ indexed: 1, rejected: [] });
        expect(await bodies(chatId, "lost")).to.deep.equal([]);
        expect(await bodies(chatId, "text")).to.deep.equal(["new text"]);
        // From here on, the message is edited, repeated and deleted like any other.
        await es.index([messageOf(chatId, 1, "edited text", 2, 2)], { refresh: true });
        await es.index([messageOf(chatId, 1, "new text", 1, 2)], { refresh: true });
        expect(await bodies(chatId, "text")).to.deep.equal(["edited text"]);
        await es.index([messageOf(chatId, 1, null, 3, 2)], { refresh: true });
        expect(await bodies(chatId, "text")).to.deep.equal([]);
      });
    }
  });

  it("accepts more documents than fit in one bulk request", async () => {
    const chatId = newChat();
    const small = Array.from({ length: 1200 }, (_, at) => `small ${at}`);
    const bodies = [...small, ...Array<string>(80).fill("large ".repeat(10_000))];
    const result = await es.index(messagesOf(chatId, bodies), { refresh: "wait_for" });
    expect(result).to.deep.equal({ indexed: 1280, rejected: [] });
    expect((await search(chatId, "small 1199")).hits).to.have.lengthOf(1);
    expect((await search(chatId, "large")).next).to.be.a("string");
  }).timeout(60_000);

  it("reports that it is unavailable when it refuses writes, and loses nothing silently", async () => {
    const { client, readAlias } = es.connection;
    const chatId = newChat();
    await client.indices.putSettings({ index: readAlias, settings: { "index.blocks.write": true } });
    const error = await failure(es.index([messageOf(chatId, 1, "blocked")]));
    expect(error).to.be.instanceOf(SearchUnavailable);
    await client.indices.putSettings({ index: readAlias, settings: { "index.blocks.write": false } });
    expect(await es.index([messageOf(chatId, 1, "blocked")])).to.deep.equal({ indexed: 1, rejected: [] });
  });

  it("is unavailable while its index is closed, and accepts the same documents after it is opened", async () => {
    const { client, readAlias } = es.connection;
    const chatId = newChat();
    const [index] = Object.keys(await client.indices.getAlias({ name: readAlias }));
    await client.indices.close({ index: index! });
    expect(await failure(es.index([messageOf(chatId, 1, "closed")]))).to.be.instanceOf(SearchUnavailable);
    expect(await failure(search(chatId, "closed"))).to.be.instanceOf(SearchUnavailable);
    await client.indices.open({ index: index! });
    expect(await es.index([messageOf(chatId, 1, "closed")])).to.deep.equal({ indexed: 1, rejected: [] });
  });

  it("never creates an index by writing to a removed one", async () => {
    const { client, readAlias } = es.connection;
    const names = Object.keys(await client.indices.getAlias({ name: readAlias }));
    await client.indices.delete({ index: names });
    expect(await failure(es.index([messageOf(1n, 1, "x"), messageOf(1n, 2, null)]))).to.be.instanceOf(
      SearchUnavailable,
    );
    expect(await failure(search(1n, "x"))).to.be.instanceOf(SearchUnavailable);
    expect(await failure(es.ping())).to.be.instanceOf(SearchUnavailable);
    expect(await client.indices.exists({ index: `${readAlias}*`, allow_no_indices: false })).to.equal(false);
    await es.prepare();
  });
});
