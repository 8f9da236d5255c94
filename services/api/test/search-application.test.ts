import { setTimeout as pause } from "node:timers/promises";
import { chatHitsSchema, searchHitSchema } from "@confab/contracts";
import { createSearchBackend } from "@confab/database";
import { hasElasticsearch } from "@confab/testkit";
import { expect } from "chai";
import { z } from "zod";
import { follow, jsonOf, linksOf, problemOf, readAs, useApi } from "./start.ts";
import { removeIndex } from "./remove-index.ts";
import type { Chat } from "./world.ts";

type Hit = z.output<typeof searchHitSchema>;

const backends = hasElasticsearch() ? ["elasticsearch", "mysql"] : ["mysql"];
const keyOf = ({ chat_number, number }: Hit): string => `${chat_number}/${number}`;

for (const backend of backends) {
  describe(`searching across an application with ${backend}`, () => {
    let token: string;

    const { world, api } = useApi({ SEARCH_BACKEND: backend });
    before(async () => {
      await api.search.prepare();
      const first = await world.newChat();
      token = first.token;
      const second = await world.newChat(token);
      await say(
        [first, "Hello one"],
        [second, "Hello two"],
        [first, "bye"],
        [second, "hello <again>"],
        [first, "hello"],
      );
    });
    after(async () => {
      if (backend === "elasticsearch") await removeIndex(world.index);
    });

    /** Sends messages in different milliseconds, stores them and makes them searchable. */
    async function say(...messages: [chat: Chat, content: string | { body: string; sender: string }][]): Promise<void> {
      for (const [chat, content] of messages) {
        await world.accept(chat, content);
        await pause(2);
      }
      await world.store();
      await reindex(...new Set(messages.map(([chat]) => chat)));
    }
    async function reindex(...chats: Chat[]): Promise<void> {
      const stored = await world.messages.inRanges(chats.map(({ id }) => ({ chatId: id, from: 1, to: 1_000 })));
      await api.search.index(stored, { refresh: true });
    }
    const pathOf = (query: Record<string, string>, owner = token): string =>
      `/applications/${owner}/search?${new URLSearchParams(query).toString()}`;
    const find = async (query: Record<string, string>, owner = token): Promise<Hit[]> =>
      readAs(z.array(searchHitSchema), await api.get(pathOf(query, owner)));
    const keys = async (query: Record<string, string>, owner = token) => (await find(query, owner)).map(keyOf);

    it("finds messages of all chats, newest first, as the search of a chat shows them", async () => {
      const hits = await find({ q: "hell" });
      expect(hits.map(keyOf)).to.deep.equal(["1/3", "2/2", "2/1", "1/1"]);
      const path = `/applications/${token}/chats/2/messages/search?q=hell`;
      const ofChat = readAs(z.array(searchHitSchema), await api.get(path));
      expect(hits.filter((hit) => hit.chat_number === 2)).to.deep.equal(ofChat);
      expect(hits[1]).to.deep.include({ highlights: ["<mark>hell</mark>o &lt;again&gt;"], application_token: token });
      expect(await keys({ q: "absent" })).to.deep.equal([]);
    });

    it("filters by chats, sender and times", async () => {
      const owner = await world.newApplication();
      const chats = [await world.newChat(owner), await world.newChat(owner), await world.newChat(owner)] as const;
      for (const chat of chats)
        await say([chat, { body: "hi", sender: "anna" }], [chat, { body: "hi", sender: "ben" }]);
      const all = await find({ q: "hi" }, owner);
      expect(all.map(keyOf)).to.deep.equal(["3/2", "3/1", "2/2", "2/1", "1/2", "1/1"]);
      expect(await keys({ sender: "anna" }, owner)).to.deep.equal(["3/1", "2/1", "1/1"]);
      expect(await keys({ q: "hi", sender: "ben", chats: "3,1" }, owner)).to.deep.equal(["3/2", "1/2"]);
      const [from, to] = [all[4]!.created_at, all[1]!.created_at];
      const isBetween = ({ created_at }: Hit) => created_at >= from && created_at < to;
      expect(await keys({ q: "hi", from, to }, owner)).to.deep.equal(all.filter(isBetween).map(keyOf));
      expect(await keys({ q: "hi", from: "2100-01-01T00:00:00+01:00" }, owner)).to.deep.equal([]);
      expect(await keys({ q: "hi", to: "2000-01-01T00:00:00Z" }, owner)).to.deep.equal([]);
      // The search of one chat accepts the times as well.
      const path = `/applications/${owner}/chats/3/messages/search?q=hi`;
      const inChat = async (times: string) => readAs(z.array(searchHitSchema), await api.get(path + times));
      expect(await inChat(`&from=${all[1]!.created_at}`)).to.deep.equal(all.slice(0, 2));
      expect(await inChat(`&to=${all[1]!.created_at}`)).to.deep.equal([]);
      expect(await inChat("&from=2100-01-01T00:00:00Z")).to.deep.equal([]);
    });

    it("pages by cursor, each hit once, and keeps the filters in its links", async () => {
      const owner = await world.newApplication();
      const chats = [await world.newChat(owner), await world.newChat(owner), await world.newChat(owner)];
      const messages = Array.from({ length: 25 }, (_, index): [Chat, string] => [chats[index % 3]!, "hit"]);
      await say(...messages);
      const path = pathOf({ q: "hit", from: "2020-01-01T00:00:00Z", chats: "1,2,3", limit: "4" }, owner);
      const { pages } = await follow(searchHitSchema, api, path, "next");
      const expected = messages.map(([{ number }], index) => `${number}/${1 + Math.floor(index / 3)}`).reverse();
      const found = pages.flat().map(keyOf);
      expect(found).to.deep.equal(expected);
      const { next } = linksOf(await api.get(path));
      expect(next)
        .to.include("chats=1%2C2%2C3")
        .and.to.match(/cursor=[0-9a-z]{8}-[123]-\d/);
      expect(linksOf(await api.get(pathOf({ q: "hit", limit: "25" }, owner)))).to.deep.equal({});
    });

    it("orders by relevance, with pages that keep the order", async () => {
      const owner = await world.newApplication();
      const [first, second] = [await world.newChat(owner), await world.newChat(owner)];
      await say(
        [first, "the payment failed"],
        [second, "failed payment"],
        [first, "repayment failed"],
        [second, "Payment failed!"],
        [second, "payments failed"],
      );
      const path = pathOf({ q: "payment failed", order: "relevance", limit: "2" }, owner);
      const { pages } = await follow(searchHitSchema, api, path, "next");
      expect(pages.map((page) => page.map(keyOf))).to.deep.equal([["2/2", "1/1"], ["2/1", "2/3"], ["1/2"]]);
      expect(linksOf(await api.get(path)).next).to.match(/order=relevance&.*cursor=3-[0-9a-z]{8}-1-1/);
      // The search of one chat accepts the order as well.
      const inChat = `/applications/${owner}/chats/2/messages/search?q=payment+failed&order=relevance`;
      const hits = readAs(z.array(searchHitSchema), await api.get(inChat));
      expect(hits.map(keyOf)).to.deep.equal(["2/2", "2/1", "2/3"]);
      problemOf(await api.get(`${inChat}&cursor=before-2`), "validation-failed");
    });

    it("counts the hits of each chat, with the filters of the search", async () => {
      const owner = await world.newApplication();
      const chats = [await world.newChat(owner), await world.newChat(owner), await world.newChat(owner)] as const;
      await say([chats[0], "hi"], [chats[1], "hi"], [chats[1], { body: "hi", sender: "anna" }], [chats[2], "bye"]);
      const count = async (query: Record<string, string>) => {
        const path = `/applications/${owner}/search/chats?${new URLSearchParams(query).toString()}`;
        return readAs(z.array(chatHitsSchema), await api.get(path));
      };
      const [one, two] = [
        { chat_number: 1, hits_count: 1, exact: true },
        { chat_number: 2, hits_count: 2, exact: true },
      ];
      expect(await count({ q: "hi" })).to.deep.equal([two, one]);
      expect(await count({ q: "hi", limit: "1" })).to.deep.equal([two]);
      expect(await count({ q: "hi", chats: "1,3" })).to.deep.equal([one]);
      expect(await count({ q: "hi", sender: "anna" })).to.deep.equal([{ ...two, hits_count: 1 }]);
      expect(await count({ q: "hi", to: "2000-01-01T00:00:00Z" })).to.deep.equal([]);
      expect((await api.send("DELETE", `/applications/${owner}/chats/2/messages/1`)).status).to.equal(204);
      await reindex(chats[1]);
      expect(await count({ q: "hi" })).to.deep.equal([one, { ...two, hits_count: 1 }]);
      // The index still contains the messages of a chat that was just deleted.
      expect((await api.send("DELETE", `/applications/${owner}/chats/1`)).status).to.equal(204);
      expect(await count({ q: "hi" })).to.deep.equal([{ ...two, hits_count: 1 }]);
    });

    it("counts nothing of a chat whose id belongs to another application by now", async () => {
      const owner = await world.newApplication();
      const [lost, kept] = [await world.newChat(owner), await world.newChat(owner)];
      await say([kept, "secret kept"], [lost, "secret one"]);
      const other = await world.newApplication();
      const { id: applicationId } = (await api.applications.find(other))!;
      await world.database.prisma.chat.update({ where: { id: lost.id }, data: { applicationId, number: 1 } });
      const counted = jsonOf(await api.get(`/applications/${owner}/search/chats?q=secret`));
      expect(counted).to.deep.equal([{ chat_number: 2, hits_count: 1, exact: true }]);
    });

    it("reports what is wrong with a count, and answers 503 where no worker fills the index", async () => {
      for (const [query, pointer] of [
        ["", "?q"],
        ["q=%C2%AD", "?q"],
        ["q=a&chats=x", "?chats"],
        ["q=a&limit=201", "?limit"],
      ] as const) {
        const answer = await api.get(`/applications/${token}/search/chats?${query}`);
        const { errors } = problemOf(answer, "validation-failed");
        expect(errors?.map((error) => error.pointer)).to.deep.equal([pointer]);
      }
      problemOf(await api.get(`/applications/${token}/search/chats?q=a&chats=99`), "chat-not-found");
      problemOf(await api.get("/applications/x/search/chats?q=a"), "application-not-found");
      if (backend === "mysql") return;
      const recorded = createSearchBackend(world.database);
      await recorded.switchTo("elasticsearch/other");
      problemOf(await api.get(`/applications/${token}/search/chats?q=hello`), "search-unavailable");
      await recorded.switchTo(`elasticsearch/${world.index}`);
    });

    it("shows the current version of an edited message, and no deleted one", async () => {
      const owner = await world.newApplication();
      const chat = await world.newChat(owner);
      await say([chat, "draft one"], [chat, "draft two"], [chat, "draft three"]);
      const messages = `/applications/${owner}/chats/1/messages`;
      expect((await api.send("PATCH", `${messages}/1`, { body: "final one" })).status).to.equal(200);
      expect((await api.send("DELETE", `${messages}/2`)).status).to.equal(204);
      // The index does not contain the change yet.
      expect(await keys({ q: "draft" }, owner)).to.deep.equal(["1/3"]);
      await reindex(chat);
      expect((await find({ q: "one" }, owner))[0]).to.include({ body: "final one", version: 2 });
    });

    it("shows no message that the database lost, even if its chat id and number were assigned again", async () => {
      const lost = await world.newChat();
      await say([lost, "secret one"], [lost, "secret two"], [lost, "secret three"]);
      await world.forget(lost, 1, 2);
      expect((await find({ q: "secret" }, lost.token)).map(({ body }) => body)).to.deep.equal(["secret three"]);
      await world.accept(lost, "secret of another");
      await world.store();
      await world.moveMessage(lost, { from: 4, to: 2 });
      const found = (await find({ q: "secret" }, lost.token)).map(({ body }) => body);
      expect(found.filter((body) => body !== "secret of another")).to.deep.equal(["secret three"]);
    });

    it("shows nothing of a chat whose id belongs to another application by now", async () => {
      const owner = await world.newApplication();
      const [lost, kept] = [await world.newChat(owner), await world.newChat(owner)];
      await say([kept, "secret kept"], [lost, "secret one"], [lost, "secret two"]);
      const other = await world.newApplication();
      const { id: applicationId } = (await api.applications.find(other))!;
      await world.database.prisma.chat.update({ where: { id: lost.id }, data: { applicationId, number: 1 } });
      expect(await keys({ q: "secret" }, owner)).to.deep.equal(["2/1"]);
      // A page without a visible hit also links to the next page.
      const { pages } = await follow(searchHitSchema, api, pathOf({ q: "secret", limit: "1" }, owner), "next");
      expect(pages.flat().map(keyOf)).to.deep.equal(["2/1"]);
      // The index contains the messages of the former owner, which do not belong to the new owner.
      if (backend === "elasticsearch") expect(await keys({ q: "secret" }, other)).to.deep.equal([]);
    });

    it("answers 503 instead of searching an index that no worker fills", async () => {
      const recorded = createSearchBackend(world.database);
      await recorded.switchTo("elasticsearch/other");
      const answer = await api.get(pathOf({ q: "hello" }));
      if (backend === "mysql") expect(answer.status).to.equal(200);
      else expect(problemOf(answer, "search-unavailable").detail).to.include("a different search backend");
      await recorded.switchTo(`elasticsearch/${world.index}`);
      expect(await keys({ q: "two" })).to.deep.equal(["2/1"]);
    });

    it("reports what is wrong with a query, a filter and a cursor", async () => {
      const cases: [query: string, pointer: string][] = [
        ["", "?q"],
        ["q=", "?q"],
        [`q=${"x".repeat(257)}`, "?q"],
        ["q=%C2%AD", "?q"],
        ["q=a&q=b", "?q"],
        ["chats=1", "?q"],
        ["q=a&sender=", "?sender"],
        ["q=a&chats=", "?chats"],
        ["q=a&chats=1;2", "?chats"],
        ["q=a&chats=1&chats=2", "?chats"],
        [`q=a&chats=${Array.from({ length: 101 }, (_, index) => index + 1).join()}`, "?chats"],
        ["q=a&from=yesterday", "?from"],
        ["q=a&to=2026-11-24", "?to"],
        ["q=a&order=oldest", "?order"],
        ["q=a&limit=0", "?limit"],
        ["q=a&cursor=x", "?cursor"],
        ["q=a&cursor=before-1", "?cursor"],
        ["q=a&cursor=lxq3k9f2-0-1", "?cursor"],
        ["q=a&cursor=1-lxq3k9f2-1-1", "?cursor"],
        ["q=a&order=relevance&cursor=lxq3k9f2-1-1", "?cursor"],
        ["q=a&order=relevance&cursor=4-lxq3k9f2-1-1", "?cursor"],
      ];
      for (const [query, pointer] of cases) {
        const { errors } = problemOf(await api.get(`/applications/${token}/search?${query}`), "validation-failed");
        expect(
          errors?.map((error) => error.pointer),
          query,
        ).to.deep.equal([pointer]);
      }
    });

    it("answers 404 for an unknown application and an unknown chat", async () => {
      problemOf(await api.get(pathOf({ q: "a" }, "00000000-0000-4000-8000-000000000000")), "application-not-found");
      problemOf(await api.get(pathOf({ q: "a" }, "x")), "application-not-found");
      const { detail } = problemOf(await api.get(pathOf({ q: "a", chats: "1,7" })), "chat-not-found");
      expect(detail).to.include("has no chat 7");
      expect(jsonOf(await api.get(pathOf({ q: "a" }, await world.newApplication())))).to.deep.equal([]);
    });
  });
}
