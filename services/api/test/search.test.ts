import { searchHitSchema, toJsonText } from "@confab/contracts";
import { createOutbox, createSearchBackend } from "@confab/database";
import { eventually, hasElasticsearch, startProxy, testStores, useForAll } from "@confab/testkit";
import type { ReadAgain } from "@confab/search";
import { expect } from "chai";
import { z } from "zod";
import { follow, jsonOf, linksOf, problemOf, readAs, startApi, useApi } from "./start.ts";
import { removeIndex } from "./remove-index.ts";
import { openWorld, type Chat } from "./world.ts";

const backends = hasElasticsearch() ? ["elasticsearch", "mysql"] : ["mysql"];

for (const backend of backends) {
  describe(`searching with ${backend}`, () => {
    let chat: Chat;
    const { world, api } = useApi({ SEARCH_BACKEND: backend });
    before(async () => {
      await api.search.prepare();
      chat = await newChat("Hello world", "Ça va?", "50% <b>off</b> & more", "hello again, HELLO", "nothing");
    });
    after(async () => {
      if (backend === "elasticsearch") await removeIndex(world.index);
    });

    /** Creates a chat whose messages are stored and searchable. */
    async function newChat(...bodies: string[]): Promise<Chat> {
      const created = await world.newChat();
      await world.accept(created, ...bodies);
      await world.store();
      const stored = await world.messages.inRanges([{ chatId: created.id, from: 1, to: bodies.length }]);
      await api.search.index(stored, { refresh: true });
      return created;
    }
    const pathOf = ({ token, number }: Chat, q: string): string =>
      `/applications/${token}/chats/${number}/messages/search?${new URLSearchParams({ q }).toString()}`;
    const find = async (q: string, where = chat): Promise<z.output<typeof searchHitSchema>[]> =>
      readAs(z.array(searchHitSchema), await api.get(pathOf(where, q)));
    const numbersFor = async (q: string): Promise<number[]> => (await find(q)).map(({ number }) => number);

    it("finds words and parts of words, in any case and without accents, newest first", async () => {
      expect(await numbersFor("hello")).to.deep.equal([4, 1]);
      expect(await numbersFor("ell")).to.deep.equal([4, 1]);
      expect(await numbersFor("WORLD hel")).to.deep.equal([1]);
      expect(await numbersFor("ca")).to.deep.equal([2]);
      expect(await numbersFor("absent")).to.deep.equal([]);
    });

    it("shows no change that the database has lost, and has the message indexed again", async () => {
      const created = await newChat("kept text");
      const [stored] = await world.messages.inRanges([{ chatId: created.id, from: 1, to: 1 }]);
      await createOutbox(world.database).drain(100, () => Promise.resolve());
      const lost = { ...stored!, body: "lost text", version: 2, changeNumber: 7 };
      await api.search.index([lost], { refresh: true });
      expect(await find("lost", created)).to.deep.equal([]);
      if (backend === "mysql") return;
      await eventually(async () =>
        expect(await createOutbox(world.database).waitingSince(created.id, 1)).to.be.instanceOf(Date),
      );
      const readAgain: ReadAgain = (keys) => world.messages.states(keys);
      await api.search.index([stored!], { refresh: true, readAgain });
      expect((await find("kept", created)).map(({ number }) => number)).to.deep.equal([1]);
      expect(await find("lost", created)).to.deep.equal([]);
    });

    it("finds the messages of a sender, with and without words", async () => {
      const created = await world.newChat();
      const contents = [
        { body: "Hello", sender: "anna", metadata: toJsonText({ mood: "good" }), reply_to: null },
        { body: "Hello Anna", sender: "ben", metadata: null, reply_to: 1 },
        { body: "Bye", sender: "anna", metadata: null, reply_to: null },
      ];
      await world.accept(created, ...contents);
      await world.store();
      await api.search.index(await world.messages.inRanges([{ chatId: created.id, from: 1, to: 3 }]), {
        refresh: true,
      });
      const path = `/applications/${created.token}/chats/${created.number}/messages/search`;
      const found = async (query: string) => readAs(z.array(searchHitSchema), await api.get(`${path}?${query}`));
      expect((await found("sender=anna")).map(({ number }) => number)).to.deep.equal([3, 1]);
      expect((await found("sender=anna&q=hello"))[0]).to.deep.include({
        number: 1,
        ...contents[0],
        metadata: { mood: "good" },
      });
      expect((await found("sender=ben&q=anna"))[0]).to.deep.include({ number: 2, ...contents[1] });
      expect(await found("sender=nobody")).to.deep.equal([]);
      for (const [query, pointer] of [
        ["limit=1", "?q"],
        ["sender=", "?sender"],
        ["q=&sender=anna", "?q"],
      ] as const) {
        const { errors } = problemOf(await api.get(`${path}?${query}`), "validation-failed");
        expect(
          errors?.map((error) => error.pointer),
          query,
        ).to.deep.equal([pointer]);
      }
    });

    it("returns whole messages with matches marked and the rest escaped", async () => {
      const [hit] = await find("off");
      expect(hit).to.include({ application_token: chat.token, chat_number: chat.number, number: 3 });
      expect(hit?.body).to.equal("50% <b>off</b> & more");
      expect(hit?.highlights).to.deep.equal(["50% &lt;b&gt;<mark>off</mark>&lt;/b&gt; &amp; more"]);
      const stored = await api.get(`/applications/${chat.token}/chats/${chat.number}/messages/3`);
      const { highlights, ...message } = hit!;
      expect(highlights).to.have.length(1);
      expect(jsonOf(stored)).to.deep.equal(message);
    });

    it("treats every character of a query literally", async () => {
      expect(await numbersFor("50%")).to.deep.equal([3]);
      for (const q of ["*", "hel*", "h_llo", "hello OR nothing", "body:hello", '"', "\\", "%", "a/b", "(", "~1"]) {
        const found = await numbersFor(q);
        expect(found, q).to.deep.equal(q === "%" ? [3] : []);
      }
    });

    it("answers 503 instead of searching an index that no worker fills", async () => {
      const recorded = createSearchBackend(world.database);
      await recorded.switchTo("elasticsearch/other");
      const answer = await api.get(pathOf(chat, "hello"));
      if (backend === "mysql") expect(answer.status).to.equal(200);
      else expect(problemOf(answer, "search-unavailable").detail).to.include("a different search backend");
      await recorded.switchTo(`elasticsearch/${world.index}`);
      expect(await recorded.read()).to.equal(`elasticsearch/${world.index}`);
      expect(await numbersFor("hello")).to.deep.equal([4, 1]);
    });

    it("shows no message that the database lost, even if its chat id and number were assigned again", async () => {
      const lost = await newChat("secret one", "secret two", "secret three");
      await world.forget(lost, 1, 2);
      expect((await find("secret", lost)).map(({ body }) => body)).to.deep.equal(["secret three"]);
      await world.accept(lost, "secret of another");
      await world.store();
      await world.moveMessage(lost, { from: 4, to: 2 });
      const found = (await find("secret", lost)).map(({ body }) => body);
      expect(found.filter((body) => body !== "secret of another")).to.deep.equal(["secret three"]);
    });

    it("finds only messages of its chat", async () => {
      const other = await newChat("Hello stranger");
      expect((await find("hello", other)).map(({ body }) => body)).to.deep.equal(["Hello stranger"]);
      expect(await numbersFor("stranger")).to.deep.equal([]);
      problemOf(await api.get(pathOf({ ...chat, token: other.token, number: 2 }, "hello")), "chat-not-found");
    });

    it("pages by cursor, each hit once", async () => {
      const long = await newChat(...Array.from({ length: 11 }, (_, index) => `hit ${index + 1}`));
      const { pages } = await follow(searchHitSchema, api, `${pathOf(long, "hit")}&limit=4`, "next");
      expect(pages.map((page) => page.map(({ number }) => number))).to.deep.equal([
        [11, 10, 9, 8],
        [7, 6, 5, 4],
        [3, 2, 1],
      ]);
      expect(linksOf(await api.get(`${pathOf(long, "hit")}&limit=11`))).to.deep.equal({});
    });

    it("counts a phrase as one of the 16 words and phrases that a query may have", async () => {
      const words = (count: number): string => Array.from({ length: count }, (_, index) => `w${index}`).join(" ");
      expect(await numbersFor(`"${words(17)}"`)).to.deep.equal([]);
      expect(await numbersFor(`"${words(17)}" ${words(15)}`)).to.deep.equal([]);
      for (const q of [words(17), `"${words(17)}" ${words(16)}`]) {
        const { errors } = problemOf(await api.get(pathOf(chat, q)), "validation-failed");
        expect(errors).to.deep.equal([{ pointer: "?q", detail: "the query must have at most 16 words and phrases" }]);
      }
    });

    it("reports what is wrong with a query and with a cursor", async () => {
      const path = pathOf(chat, "").replace("q=", "");
      for (const query of ["", "q=", "q=%20", `q=${"x".repeat(257)}`, "q=a&q=b"]) {
        const { errors } = problemOf(await api.get(path + query), "validation-failed");
        expect(
          errors?.map(({ pointer }) => pointer),
          query,
        ).to.deep.equal(["?q"]);
      }
      for (const cursor of ["x", "%20", "0", "before-0", "before-1x"]) {
        const { errors } = problemOf(await api.get(`${path}q=a&cursor=${cursor}`), "validation-failed");
        expect(
          errors?.map(({ pointer }) => pointer),
          cursor,
        ).to.deep.equal(["?cursor"]);
      }
      const invisible = problemOf(await api.get(pathOf(chat, "\u00ad")), "validation-failed");
      expect(invisible.errors?.map(({ pointer }) => pointer)).to.deep.equal(["?q"]);
    });
  });
}

describe("without Elasticsearch", () => {
  const world = useForAll(openWorld);

  it("answers 503 to searches within seconds and serves everything else", async () => {
    const target = hasElasticsearch() ? testStores().elasticsearchUrl : "http://127.0.0.1:9";
    const proxy = await startProxy({ target });
    const api = await startApi(world, { SEARCH_BACKEND: "elasticsearch", ELASTICSEARCH_URL: proxy.url });
    try {
      const { token } = await world.newChat();
      const path = `/applications/${token}/chats/1/messages`;
      for (const failure of ["refuses connections", "is silent"]) {
        await (failure === "is silent" ? proxy.restore() : proxy.cut());
        if (failure === "is silent") proxy.pause();
        const began = performance.now();
        problemOf(await api.get(`${path}/search?q=hello`), "search-unavailable");
        problemOf(await api.get(`/applications/${token}/search?q=hello&order=relevance`), "search-unavailable");
        problemOf(await api.get(`/applications/${token}/search/chats?q=hello`), "search-unavailable");
        expect(performance.now() - began).to.be.below(15_000);
        expect(jsonOf(await api.get(path))).to.deep.equal([]);
        expect((await api.send("POST", `/applications/${token}/chats`)).status).to.equal(201);
      }
    } finally {
      proxy.resume();
      await api.stop();
      await proxy.close();
    }
  });
});
