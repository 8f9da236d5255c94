import { chatSchema, messageSchema, messageVersionSchema, searchHitSchema, toJsonText } from "@confab/contracts";
import { createDeadLetters, removeHistories } from "@confab/database";
import { useEnding, hasElasticsearch, startProxy, testStores, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { z } from "zod";
import { openStream } from "./event-reader.ts";
import { follow, jsonOf, linksOf, problemOf, readAs, startApi, useApi, type Answer } from "./start.ts";
import { removeIndex } from "./remove-index.ts";

const endAfterTest = useEnding();

describe("editing and deleting messages", () => {
  let path: string;
  const { world, api } = useApi();
  const chat = useForEach(() => world.newChat());
  beforeEach(async () => {
    path = `/applications/${chat.token}/chats/${chat.number}/messages`;
    await world.accept(
      chat,
      "one",
      { body: "two", sender: "anna", metadata: toJsonText({ a: 1 }), reply_to: 1 },
      "three",
    );
    await world.store();
  });

  const edit = (number: number, body: unknown, headers: Record<string, string> = {}) =>
    api.send("PATCH", `${path}/${number}`, body, headers);
  const remove = (number: number, headers: Record<string, string> = {}) =>
    api.send("DELETE", `${path}/${number}`, undefined, headers);
  const list = async () => readAs(z.array(messageSchema), await api.get(path));
  const chatNow = async () => readAs(chatSchema, await api.get(`/applications/${chat.token}/chats/${chat.number}`));

  it("replaces the given fields only, and keeps the earlier versions", async () => {
    const answer = await edit(2, { body: "second" });
    const edited = readAs(messageSchema, answer);
    const kept = { sender: "anna", metadata: { a: 1 }, reply_to: 1 };
    expect(edited).to.deep.include({ body: "second", ...kept, version: 2, deleted_at: null });
    expect(edited.edited_at).to.equal(edited.updated_at);
    expect(answer.headers.get("etag")).to.match(/^"2-[0-9a-f]{8}-[0-9a-z]+"$/);
    expect(jsonOf(await api.get(`${path}/2`))).to.deep.equal(edited);
    expect((await list())[1]).to.deep.equal(edited);

    const again = readAs(messageSchema, await api.send("PUT", `${path}/2`, { metadata: null }));
    expect(again).to.deep.include({ body: "second", metadata: null, version: 3 });
    expect(again.change_number).to.be.greaterThan(edited.change_number!);
    const history = readAs(z.array(messageVersionSchema), await api.get(`${path}/2/history`));
    expect(history).to.deep.equal([
      { version: 1, body: "two", metadata: { a: 1 }, created_at: edited.created_at },
      { version: 2, body: "second", metadata: { a: 1 }, created_at: edited.edited_at },
    ]);
    expect(jsonOf(await api.get(`${path}/1/history`))).to.deep.equal([]);
    expect(await chatNow()).to.include({ messages_count: 3, last_change_number: again.change_number });
  });

  it("pages through the earlier versions, and ends after 1,000 edits", async () => {
    const { prisma } = world.database;
    await prisma.messageVersion.createMany({
      data: Array.from({ length: 1_000 }, (_, at) => ({
        chatId: chat.id,
        number: 1,
        version: at + 1,
        createdAt: new Date(),
        body: at < 20 ? "x".repeat(60_000) : `version ${at + 1}`,
      })),
    });
    await prisma.message.update({
      where: { chatId_number: { chatId: chat.id, number: 1 } },
      data: { version: 1_001 },
    });
    const versions: number[] = [];
    const sizes: number[] = [];
    for (let next: string | undefined = `${path}/1/history?limit=200`; next !== undefined;) {
      const answer: Answer = await api.get(next);
      const page = readAs(z.array(messageVersionSchema), answer);
      versions.push(...page.map(({ version }) => version));
      sizes.push(page.length);
      next = linksOf(answer).next;
    }
    expect(versions).to.deep.equal(Array.from({ length: 1_000 }, (_, at) => at + 1));
    expect(sizes).to.deep.equal([17, 200, 200, 200, 200, 183]);
    problemOf(await edit(1, { body: "one too many" }), "history-full");
    problemOf(await api.get(`${path}/1/history?limit=201`), "validation-failed");
  });

  it("answers a repeated edit with the same message, and takes no change number for it", async () => {
    const first = await edit(1, { body: "uno" });
    expect((await edit(1, { body: "uno" })).text).to.equal(first.text);
    expect((await chatNow()).last_change_number).to.equal(readAs(messageSchema, first).change_number);
  });

  it("leaves a deleted message in lists without content, and nowhere else", async () => {
    readAs(messageSchema, await edit(2, { body: "a secret" }));
    const answer = await remove(2);
    expect([answer.status, answer.text]).to.deep.equal([204, ""]);
    const shown = (await list())[1]!;
    expect(shown).to.deep.include({
      number: 2,
      body: null,
      metadata: null,
      sender: "anna",
      version: 3,
    });
    expect(shown.deleted_at).to.match(/^\d{4}-.*Z$/);
    problemOf(await api.get(`${path}/2`), "message-deleted");
    problemOf(await api.get(`${path}/2/history`), "message-deleted");
    problemOf(await edit(2, { body: "back" }), "message-deleted");
    expect((await remove(2)).status, "a repetition").to.equal(204);
    const last_change_number = shown.change_number;
    expect(await chatNow()).to.include({ messages_count: 2, last_message_number: 3, last_change_number });
    await removeHistories(world.database, { forMs: 5_000 });
    const rows = await world.database.prisma.$queryRaw<{ found: bigint }[]>`
      SELECT (SELECT COUNT(*) FROM messages WHERE chat_id = ${chat.id} AND body LIKE '%secret%')
           + (SELECT COUNT(*) FROM message_versions WHERE chat_id = ${chat.id}) AS found`;
    expect(Number(rows[0]?.found)).to.equal(0);
  });

  it("shows a dead letter that is stored later to readers who have passed its number", async () => {
    const late = await world.newChat();
    const own = `/applications/${late.token}/chats/${late.number}`;
    await world.accept(late, "one", "x".repeat(65_536), "three");
    await world.store();
    const reader = endAfterTest(await openStream(`${api.url}${own}/messages/stream?after=0`));
    await reader.until((events) => events.some(({ event }) => event === "caught-up"));
    expect(reader.events.map(({ event }) => event)).to.deep.equal(["message", "gap", "message", "caught-up"]);
    await world.database.prisma.deadLetter.updateMany({
      where: { chatId: late.id },
      data: { body: Buffer.from("two") },
    });
    const letter = await world.database.prisma.deadLetter.findFirstOrThrow({ where: { chatId: late.id } });
    const { restore } = createDeadLetters(world.database);
    expect(await restore(letter.id)).to.deep.equal({ restored: true });
    expect(await restore(letter.id)).to.have.property("restored", false);
    const [changed] = readAs(z.array(messageSchema), await api.get(`${own}/changes`));
    expect(changed).to.include({ number: 2, body: "two", version: 1 });
    await reader.until((events) => events.length === 5);
    expect(reader.events.at(-1)).to.deep.include({ event: "edited", data: changed });
  });

  it("shows a dead letter that is dropped as deleted to readers who had it while it was pending", async () => {
    const own = await world.newChat();
    const at = `/applications/${own.token}/chats/${own.number}`;
    await world.accept(own, "one", { body: "x".repeat(65_536), sender: "anna" });
    const reader = endAfterTest(await openStream(`${api.url}${at}/messages/stream?after=0`));
    await reader.until((events) => events.some(({ event }) => event === "caught-up"));
    await world.store();
    const letter = await world.database.prisma.deadLetter.findFirstOrThrow({ where: { chatId: own.id } });
    expect(await createDeadLetters(world.database).remove(letter.id)).to.equal(true);
    await reader.until((events) => events.at(-1)?.event === "deleted");
    const shown = readAs(z.array(messageSchema), await api.get(`${at}/messages`))[1];
    expect(shown).to.include({ number: 2, body: null, sender: null, version: 2 });
    expect(shown?.change_number).to.be.above(0);
    expect(reader.events.at(-1)!.data).to.deep.equal(shown);
    problemOf(await api.get(`${at}/messages/2`), "message-deleted");
    expect(readAs(chatSchema, await api.get(at))).to.include({ messages_count: 1, last_message_number: 2 });
  });

  it("changes only the version that If-Match names", async () => {
    const tagged = (await api.get(`${path}/1`)).headers.get("etag")!;
    expect(tagged).to.match(/^"1-[0-9a-f]{8}"$/);
    const as = (version: number) => tagged.replace("1", String(version));
    const other = (await api.get(`${path}/2`)).headers.get("etag")!;
    for (const tag of [as(2), `W/${as(2)}`, other, '"1"', '"x"', '""']) {
      problemOf(await edit(1, { body: "uno" }, { "if-match": tag }), "version-mismatch");
      problemOf(await remove(1, { "if-match": tag }), "version-mismatch");
    }
    for (const text of ["1", "", ",", `${tagged}, 1`, "W/1", `"1`, `*, ${tagged}`]) {
      const { errors, detail } = problemOf(await edit(1, { body: "uno" }, { "if-match": text }), "validation-failed");
      expect(errors?.map(({ pointer }) => pointer)).to.deep.equal(["If-Match"]);
      expect(detail).to.match(/^If-Match must be the ETag /);
      problemOf(await remove(1, { "if-match": text }), "validation-failed");
    }
    expect(readAs(messageSchema, await edit(1, { body: "uno" }, { "if-match": `"7", W/${tagged}` })).version).to.equal(
      2,
    );
    problemOf(await edit(1, { body: "due" }, { "if-match": tagged }), "version-mismatch");
    const edited = await edit(1, { body: "due" }, { "if-match": "*" });
    expect(readAs(messageSchema, edited).version).to.equal(3);
    expect((await remove(1, { "if-match": edited.headers.get("etag")! })).status).to.equal(204);
    const third = (await api.get(`${path}/3`)).headers.get("etag")!;
    expect((await api.get(`${path}/3`, { "if-none-match": tagged })).status, "of another message").to.equal(200);
    const unchanged = await api.get(`${path}/3`, { "if-none-match": third });
    expect(unchanged.status).to.equal(304);
  });

  it("refuses invalid edits and unknown messages", async () => {
    for (const body of [{}, { body: " " }, { body: null }, { metadata: [] }, { sender: "x" }]) {
      problemOf(await edit(1, body), "validation-failed");
    }
    expect((await edit(1, { body: "uno", sender: "x" })).headers.get("confab-ignored-fields")).to.equal("sender");
    problemOf(await edit(4, { body: "x" }), "message-not-found");
    problemOf(await remove(4), "message-not-found");
    problemOf(await api.get(`${path}/4/history`), "message-not-found");
    problemOf(await api.send("DELETE", `/applications/${chat.token}/chats/99/messages/1`), "chat-not-found");
  });

  it("waits until a pending message is stored", async () => {
    await world.accept(chat, "four", "five");
    const tag = (await api.get(`${path}/4`)).headers.get("etag")!;
    const changes = Promise.all([edit(4, { body: "quattro" }, { "if-match": tag }), remove(5)]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await world.store();
    const [edited, removed] = await changes;
    expect(readAs(messageSchema, edited)).to.include({ body: "quattro", version: 2 });
    expect(removed.status).to.equal(204);
    expect((await list()).map(({ body }) => body)).to.deep.equal(["one", "two", "three", "quattro", null]);
  });

  it("changes nothing if a message stays pending, and says so", async () => {
    await world.accept(chat, "four");
    const { detail } = problemOf(await edit(4, { body: "quattro" }), "service-unavailable");
    expect(detail).to.match(/not stored yet. Nothing was changed/);
    await world.store();
    expect((await list())[3]).to.include({ body: "four", version: 1 });
  });

  it("does not call a message unknown while Redis, which may have it, is unavailable", async () => {
    const proxy = endAfterTest(await startProxy({ target: testStores().redisUrl }));
    const cut = endAfterTest(await startApi(world, { REDIS_URL: proxy.url }));
    await proxy.cut();
    problemOf(await cut.send("PATCH", `${path}/9`, { body: "x" }), "service-unavailable");
    expect(readAs(messageSchema, await cut.send("PATCH", `${path}/1`, { body: "uno" })).version).to.equal(2);
  });

  it("lists the changes of a chat in their order, each message as it is now", async () => {
    readAs(messageSchema, await edit(1, { body: "a" }));
    const second = readAs(messageSchema, await edit(2, { body: "b" })).change_number!;
    const third = readAs(messageSchema, await edit(1, { body: "c" })).change_number!;
    await remove(3);
    const last = (await list())[2]!.change_number!;
    const changesPath = `/applications/${chat.token}/chats/${chat.number}/changes`;
    const { pages } = await follow(messageSchema, api, `${changesPath}?limit=1`, "next");
    const shown = pages.flat().map(({ change_number, number, body }) => [change_number, number, body]);
    expect(shown).to.deep.equal([
      [second, 2, "b"],
      [third, 1, "c"],
      [last, 3, null],
    ]);
    const after = readAs(z.array(messageSchema), await api.get(`${changesPath}?after=${third}`));
    expect(after.map(({ number }) => number)).to.deep.equal([3]);
    expect(jsonOf(await api.get(`${changesPath}?after=${last}`))).to.deep.equal([]);
    problemOf(await api.get(`${changesPath}?after=-1`), "validation-failed");
  });

  for (const backend of hasElasticsearch() ? ["elasticsearch", "mysql"] : ["mysql"]) {
    it(`never finds a text that was replaced or deleted, before the index knows it and after: ${backend}`, async () => {
      const searching = await startApi(world, { SEARCH_BACKEND: backend });
      try {
        await searching.search.prepare();
        const index = async () =>
          searching.search.index(await world.messages.inRanges([{ chatId: chat.id, from: 1, to: 3 }]), {
            refresh: true,
          });
        const find = async (q: string) => {
          const hits = readAs(z.array(searchHitSchema), await searching.get(`${path}/search?q=${q}`));
          return hits.map(({ number, version }) => [number, version]);
        };
        await index();
        expect(await find("t")).to.deep.equal([
          [3, 1],
          [2, 1],
        ]);
        readAs(messageSchema, await edit(2, { body: "deux" }));
        await remove(3);
        expect(await find("t")).to.deep.equal([]);
        await index();
        expect(await find("deux")).to.deep.equal([[2, 2]]);
        expect(await find("t")).to.deep.equal([]);
      } finally {
        await searching.stop();
        if (backend === "elasticsearch") await removeIndex(world.index);
      }
    });
  }
});
