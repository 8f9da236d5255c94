import { randomUUID } from "node:crypto";
import { fillPath, readHorizonSchema, readStateSchema, routes, unreadChatSchema } from "@confab/contracts";
import { useEnding, startProxy, testStores, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { z } from "zod";
import { follow, jsonOf, problemOf, readAs, startApi, useApi, type Answer } from "./start.ts";
import type { Chat } from "./world.ts";

const endAfterTest = useEnding();

const tooLong = "x".repeat(65_536);

describe("read horizons and unread counts", () => {
  const { world, api } = useApi();
  const chat = useForEach(() => world.newChat());
  beforeEach(async () => {
    await world.accept(chat, "one", "two", "three", "four");
    await world.store();
  });

  const pathOf = (reader: string, { token, number }: Chat = chat) =>
    fillPath(routes.setReadHorizon.path, { token, chat: number, reader });
  const set = (reader: string, number: unknown) => api.send("PUT", pathOf(reader), { number });
  const get = async (reader: string) => readAs(readStateSchema, await api.get(pathOf(reader)));
  const pointersOf = (answer: Answer) =>
    problemOf(answer, "validation-failed").errors?.map(({ pointer, detail }) => `${pointer} ${detail}`);

  it("begin at 0 with everything unread, and move forward only", async () => {
    expect(await get("anna")).to.deep.equal({ reader: "anna", number: 0, unread: 4, updated_at: null });
    const moved = readAs(readStateSchema, await set("anna", 3));
    expect(moved).to.include({ reader: "anna", number: 3, unread: 1 });
    expect(moved.updated_at).to.match(/^\d{4}-.*Z$/);
    expect(await get("anna")).to.deep.equal(moved);
    for (const lower of [2, 3, 0]) expect(readAs(readStateSchema, await set("anna", lower))).to.deep.equal(moved);
    expect(readAs(readStateSchema, await set("anna", 4))).to.include({ number: 4, unread: 0 });
    expect(await get("ben")).to.include({ number: 0, unread: 4 });
  });

  it("count pending messages, and neither deleted messages nor dead letters", async () => {
    readAs(readStateSchema, await set("anna", 1));
    await world.accept(chat, "five", tooLong, "seven");
    expect((await get("anna")).unread).to.equal(6);
    expect(readAs(readStateSchema, await set("ben", 7)), "a pending number").to.include({ number: 7, unread: 0 });
    await world.store();
    expect((await get("anna")).unread).to.equal(5);
    const messages = `/applications/${chat.token}/chats/${chat.number}/messages`;
    for (const number of [1, 3]) expect((await api.send("DELETE", `${messages}/${number}`)).status).to.equal(204);
    expect((await get("anna")).unread).to.equal(4);
    readAs(z.unknown(), await api.send("PATCH", `${messages}/2`, { body: "edited" }));
    expect((await get("anna")).unread).to.equal(4);
    const listed = jsonOf(await api.get(messages)) as { number: number; body: string | null }[];
    expect(listed.filter(({ number, body }) => number > 1 && body !== null)).to.have.lengthOf(4);
  });

  it("follow the messages that their reader sends, once these are stored", async () => {
    await world.accept(chat, { body: "five", sender: "anna" }, { body: "six", sender: "ben" });
    expect(await get("anna"), "before the message is stored").to.include({ number: 0, unread: 6 });
    await world.store();
    expect(await get("anna")).to.include({ number: 5, unread: 1 });
    expect(await get("ben")).to.include({ number: 6, unread: 0 });
    const unreadOf = async (reader: string) =>
      readAs(z.array(unreadChatSchema), await api.get(`/applications/${chat.token}/unread?reader=${reader}`));
    expect((await unreadOf("anna")).map(({ unread }) => unread)).to.deep.equal([1]);
    expect(await unreadOf("ben")).to.deep.equal([]);
  });

  it("are bound by the chat's last number, stored or pending", async () => {
    const problem = problemOf(await set("anna", 5), "position-reset");
    expect(problem.last_number, "it may be from before a loss").to.equal(0);
    expect(problem.last_message_number).to.equal(4);
    expect(problem.detail).to.match(
      /^The chat has no message 5: its last number is 4\. .* Otherwise use a number of the chat\.$/,
    );
    await world.accept(chat, "five");
    expect(problemOf(await set("anna", 6), "position-reset").last_number).to.equal(0);
    expect((await get("anna")).updated_at).to.equal(null);
    expect(readAs(readStateSchema, await set("anna", 5)).number).to.equal(5);
    // This deletes the chat head, because Redis drops the heads of idle chats.
    await world.store();
    await world.redis.del(`${world.prefix}:{p0}:head:${chat.token}:${chat.number}`);
    expect(readAs(readStateSchema, await set("ben", 5)).number).to.equal(5);
    problemOf(await set("ben", 6), "position-reset");
  });

  it("take any reader that a sender can be, percent-encoded", async () => {
    const readers = [
      "a/b",
      "ä é",
      "100%",
      "?x=1#y",
      "👩‍👩‍👧",
      "x".repeat(256),
      "\ud83d\udc69".repeat(256),
      "…",
      "a\\b",
      "a.",
    ];
    for (const [at, reader] of readers.entries()) {
      expect(readAs(readStateSchema, await set(reader, (at % 4) + 1))).to.include({ reader, number: (at % 4) + 1 });
      expect(await get(reader)).to.include({ reader, number: (at % 4) + 1 });
    }
    const path = `/applications/${chat.token}/chats/${chat.number}/reads`;
    const { pages } = await follow(readHorizonSchema, api, `${path}?limit=3`, "next");
    expect(pages.map((page) => page.length)).to.deep.equal([3, 3, 3, 1]);
    const byBytes = readers.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(pages.flat().map(({ reader }) => reader)).to.deep.equal(byBytes);
    expect(pages.flat().map(({ number }) => number)).to.deep.equal(
      byBytes.map((one) => (readers.indexOf(one) % 4) + 1),
    );
  });

  it("refuse invalid readers and numbers, and say what is wrong", async () => {
    for (const [reader, detail] of [["x".repeat(257), "must have at most 256 characters"]] as const) {
      expect(pointersOf(await api.get(pathOf(reader)))).to.deep.equal([`{reader} ${detail}`]);
      expect(pointersOf(await set(reader, 1))).to.deep.equal([`{reader} ${detail}`]);
      const query = new URLSearchParams({ reader }).toString();
      expect(pointersOf(await api.get(`/applications/${chat.token}/unread?${query}`))).to.deep.equal([
        `?reader ${detail}`,
      ]);
    }
    problemOf(await api.get(`${pathOf("x")}%ff`), "malformed-request");
    for (const number of [-1, 1.5, "3", null, undefined, 2_147_483_648]) {
      const errors = problemOf(await set("anna", number), "validation-failed").errors;
      expect(errors?.map(({ pointer }) => pointer)).to.deep.equal(["/number"]);
    }
    problemOf(await api.send("PUT", pathOf("anna"), "{"), "malformed-json");
    expect(pointersOf(await api.get(`/applications/${chat.token}/unread`))).to.deep.equal(["?reader is required"]);
    for (const query of ["limit=0", "limit=201", "cursor=none-1", "cursor=x"]) {
      problemOf(await api.get(`/applications/${chat.token}/unread?reader=a&${query}`), "validation-failed");
    }
    problemOf(await api.get(`/applications/${chat.token}/chats/1/reads?after=`), "validation-failed");
  });

  it("are only accessible with the token of their application", async () => {
    const stranger = await world.newApplication();
    for (const [token, code] of [
      [stranger, "chat-not-found"],
      [randomUUID(), "application-not-found"],
    ] as const) {
      const own = pathOf("anna", { ...chat, token });
      problemOf(await api.get(own), code);
      problemOf(await api.send("PUT", own, { number: 1 }), code);
      problemOf(await api.get(`/applications/${token}/chats/${chat.number}/reads`), code);
    }
    expect(jsonOf(await api.get(`/applications/${stranger}/unread?reader=anna`))).to.deep.equal([]);
    problemOf(await api.get(`/applications/${randomUUID()}/unread?reader=anna`), "application-not-found");
    expect(jsonOf(await api.get(`/applications/${chat.token}/chats/${chat.number}/reads`))).to.deep.equal([]);
  });

  it("of all chats of an application are listed with the latest message first, without those that were read", async () => {
    const { token } = chat;
    const chats = [chat, ...(await Promise.all(Array.from({ length: 6 }, () => world.newChat(token))))];
    chats.sort((a, b) => a.number - b.number);
    for (const at of [1, 2, 3, 4, 5, 3]) {
      await world.accept(chats[at]!, "Hello");
      await world.store();
    }
    readAs(readStateSchema, await api.send("PUT", pathOf("anna", chats[0]), { number: 2 }));
    readAs(readStateSchema, await api.send("PUT", pathOf("anna", chats[1]), { number: 1 }));
    expect((await api.send("DELETE", `/applications/${token}/chats/3/messages/1`)).status).to.equal(204);
    const { pages } = await follow(unreadChatSchema, api, `/applications/${token}/unread?reader=anna&limit=2`, "next");
    const shown = pages.flat();
    expect(shown.map(({ chat_number, number, unread }) => [chat_number, number, unread])).to.deep.equal([
      [4, 0, 2],
      [6, 0, 1],
      [5, 0, 1],
      [1, 2, 2],
    ]);
    expect(pages.map((page) => page.length)).to.deep.equal([2, 1, 1]);
    expect(shown[0]).to.include({ last_message_number: 2 });
    expect(shown[0]!.last_message_at).to.match(/^\d{4}-.*Z$/);
    await world.accept(chats[6]!, "pending");
    const again = readAs(z.array(unreadChatSchema), await api.get(`/applications/${token}/unread?reader=anna`));
    expect(again, "pending messages are not listed").to.deep.equal(shown);
  });

  it("count stored messages while Redis is unavailable, and say which numbers are known", async () => {
    const proxy = endAfterTest(await startProxy({ target: testStores().redisUrl }));
    const cut = endAfterTest(await startApi(world, { REDIS_URL: proxy.url }));
    await world.accept(chat, "five");
    await proxy.cut();
    expect(readAs(readStateSchema, await cut.get(pathOf("anna")))).to.include({ number: 0, unread: 4 });
    expect(readAs(readStateSchema, await cut.send("PUT", pathOf("anna"), { number: 4 })).number).to.equal(4);
    const { detail } = problemOf(await cut.send("PUT", pathOf("anna"), { number: 5 }), "service-unavailable");
    expect(detail).to.match(/^Number 4 is the last one that is stored, and Redis/);
    expect((await get("anna")).number).to.equal(4);
    expect(cut.lines.some(({ message }) => message.startsWith("Redis is unavailable"))).to.equal(true);
  });
});
