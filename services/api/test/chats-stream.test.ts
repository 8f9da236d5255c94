import { messageSchema } from "@confab/contracts";
import { useEnding, eventually, startProxy, testStores } from "@confab/testkit";
import { expect } from "chai";
import fc from "fast-check";
import { openStream, type ReceivedEvent } from "./event-reader.ts";
import { problemOf, startApi, useApi, type Api } from "./start.ts";
import type { Chat } from "./world.ts";

const endAfterTest = useEnding();

describe("the live stream of several chats", function () {
  this.timeout(60_000);
  let token: string;
  let chats: Chat[];
  const { world, api } = useApi();
  beforeEach(async () => {
    token = await world.newApplication();
    chats = [await world.newChat(token), await world.newChat(token), await world.newChat(token)];
  });

  const open = async (query: string, headers: Record<string, string> = {}, from: Pick<Api, "url"> = api) =>
    endAfterTest(await openStream(`${from.url}/applications/${token}/stream?${query}`, headers));
  const shown = (events: readonly ReceivedEvent[]) =>
    events.map(({ event, data }) => [event, data.chat_number, data.number ?? data.from]);
  /** Returns the events of one chat. */
  const of = (chat: number, events: readonly ReceivedEvent[]) =>
    shown(events.filter(({ event, data }) => data.chat_number === chat && event !== "caught-up"));
  const areCaughtUp = (count: number) => (events: readonly ReceivedEvent[]) =>
    events.filter(({ event }) => event === "caught-up").length === count;
  const messagePath = (chat: number, message: number) => `/applications/${token}/chats/${chat}/messages/${message}`;

  it("begins now, and shows each event of its chats at once, in order per chat", async () => {
    await world.accept(chats[0]!, "before");
    await world.accept(chats[2]!, "of a chat that is not followed");
    await world.store();
    const reader = await open("chats=2,1");
    await reader.until(areCaughtUp(2));
    expect(shown(reader.events).sort()).to.deep.equal([
      ["caught-up", 1, 1],
      ["caught-up", 2, 0],
    ]);
    await world.accept(chats[1]!, "one");
    await reader.until((events) => events.length === 3);
    await world.accept(chats[0]!, "two");
    await reader.until((events) => events.length === 4);
    await world.accept(chats[2]!, "not followed");
    await api.send("PATCH", messagePath(1, 1), { body: "changed" });
    await reader.until((events) => events.length === 5);
    expect(shown(reader.events.slice(2))).to.deep.equal([
      ["message", 2, 1],
      ["message", 1, 2],
      ["edited", 1, 1],
    ]);
    expect(messageSchema.parse(reader.events.at(-1)!.data).body).to.equal("changed");
  });

  it("shows moves of read horizons, and continues after any event without them", async () => {
    const reader = await open("chats=1,2&after=0");
    await reader.until(areCaughtUp(2));
    await world.accept(chats[1]!, "one");
    await reader.until((events) => events.length === 3);
    await api.send("PUT", `/applications/${token}/chats/2/reads/anna`, { number: 1 });
    await reader.until((events) => events.length === 4);
    expect(reader.events.at(-1)).to.deep.equal({
      id: undefined,
      event: "read",
      data: { chat_number: 2, reader: "anna", number: 1 },
    });
  });

  it("continues after each of its events: no hole and no repetition in any chat", async () => {
    for (let at = 0; at < 12; at += 1) await world.accept(chats[at % 3]!, `message ${at}`);
    await world.store((number) => number <= 3);
    await api.send("PATCH", messagePath(2, 1), { body: "changed" });
    const all = await open("chats=1,2,3&after=0");
    await all.until(areCaughtUp(3));
    const withIds = all.events.filter(({ id }) => id !== undefined);
    for (const [at, { id }] of withIds.entries()) {
      const rest = await open("chats=1,2,3", { "last-event-id": id! });
      await rest.until(areCaughtUp(3));
      const later = withIds.slice(at + 1);
      // The edit was already in the message. After a position before the edit, it may be sent again.
      for (const chat of [1, 2, 3]) {
        expect(of(chat, rest.events).filter(([event]) => event === "message")).to.deep.equal(
          of(chat, later).filter(([event]) => event === "message"),
        );
      }
      await rest.close();
    }
  });

  it("begins now in a chat that the position does not know, and forgets one that is not named", async () => {
    await world.accept(chats[0]!, "one");
    await world.accept(chats[1]!, "one");
    const reader = await open("chats=1,2&after=0");
    await reader.until(areCaughtUp(2));
    await world.accept(chats[0]!, "two");
    await world.accept(chats[2]!, "one");
    const other = await open(`chats=1,3&after=${reader.lastId()!}`);
    await other.until(areCaughtUp(2));
    expect(of(1, other.events)).to.deep.equal([["message", 1, 2]]);
    expect(of(3, other.events)).to.deep.equal([]);
    await world.accept(chats[2]!, "two");
    await other.until((events) => of(3, events).length === 1);
    expect(of(3, other.events)).to.deep.equal([["message", 3, 2]]);
  });

  it("lets a chat with a long history delay no other", async () => {
    await world.accept(chats[0]!, ...Array.from({ length: 350 }, (_, at) => `message ${at}`));
    await world.accept(chats[1]!, "one");
    const reader = await open("chats=1,2&after=0");
    await reader.until(areCaughtUp(2));
    const order = shown(reader.events).map(([, chat]) => chat);
    expect(order.indexOf(2), "after the first page of the other").to.equal(100);
    expect(of(1, reader.events)).to.have.length(350);
  });

  it("follows 300 chats over one connection", async () => {
    const many = await Promise.all(Array.from({ length: 297 }, () => world.newChat(token)));
    const names = Array.from({ length: 300 }, (_, at) => at + 1).join(",");
    const reader = await open(`chats=${names}`);
    await reader.until(areCaughtUp(300));
    await world.accept(many[100]!, "one");
    await world.accept(many[296]!, "one");
    await reader.until((events) => events.length === 302);
    expect(reader.lastId()!.length).to.be.below(4_096);
    await reader.close();
    await world.accept(many[100]!, "two");
    const again = await open(`chats=${names}`, { "last-event-id": reader.lastId()! });
    await again.until(areCaughtUp(300));
    expect(shown(again.events).filter(([event]) => event !== "caught-up")).to.deep.equal([
      ["message", many[100]!.number, 2],
    ]);
  });

  it("refuses what cannot begin", async () => {
    const path = `/applications/${token}/stream`;
    for (const chatsGiven of ["", "chats=", "chats=x", "chats=0", "chats=1,,2", "chats=9999999999"]) {
      problemOf(await api.get(`${path}?${chatsGiven}`), "validation-failed");
    }
    const tooMany = Array.from({ length: 301 }, (_, at) => at + 1).join(",");
    problemOf(await api.get(`${path}?chats=${tooMany}`), "validation-failed");
    const { detail } = problemOf(await api.get(`${path}?chats=1,8,9`), "chat-not-found");
    expect(detail).to.include("no chats 8, 9");
    problemOf(
      await api.get(`/applications/00000000-0000-4000-8000-000000000000/stream?chats=1`),
      "application-not-found",
    );
    for (const after of ["1", "41-3", "garbage", "AQAAAAEA"]) {
      problemOf(await api.get(`${path}?chats=1&after=${after}`), "validation-failed");
      problemOf(await api.get(`${path}?chats=1`, { "last-event-id": after }), "validation-failed");
    }
    const reader = await open("chats=1,2");
    await reader.until(areCaughtUp(2));
    const other = problemOf(await api.get(`${path}?chats=3&after=${reader.lastId()!}`), "validation-failed");
    expect(other.detail).to.include("other chats");
    token = await world.newApplication();
    await world.newChat(token);
    problemOf(await api.get(`/applications/${token}/stream?chats=1&after=${reader.lastId()!}`), "validation-failed");
  });

  it("continues without a chat that is deleted, and ends with the last one", async () => {
    await world.accept(chats[1]!, "one");
    const reader = await open("chats=1,2,3&after=0");
    await reader.until(areCaughtUp(3));
    const remove = (chat: number) => api.send("DELETE", `/applications/${token}/chats/${chat}`);
    await remove(2);
    await reader.until((events) => events.some(({ event }) => event === "gone"));
    expect(reader.events.at(-1)!.data).to.deep.equal({ chat_number: 2 });
    await world.accept(chats[0]!, "after");
    await reader.until((events) => of(1, events).length === 1);
    const back = await open(`chats=1,3&after=${reader.lastId()!}`);
    await back.until(areCaughtUp(2));
    expect(of(1, back.events), "its id has no deleted chat").to.deep.equal([]);
    expect(
      problemOf(await api.get(`/applications/${token}/stream?chats=1,2,3,9`), "chat-not-found").chats,
    ).to.deep.equal([2, 9]);
    await remove(1);
    await reader.until((events) => events.filter(({ event }) => event === "gone").length === 2);
    await remove(3);
    await reader.until((events) => events.at(-1)!.event === "goodbye");
    expect(reader.events.at(-1)!.data.reason).to.equal("deleted");
    expect(reader.events.filter(({ event }) => event === "gone")).to.have.length(2);
  });

  it("waits while stores are unavailable, and continues without a hole", async () => {
    const proxies = {
      redis: await startProxy({ target: testStores().redisUrl }),
      mysql: await startProxy({ target: world.url }),
    };
    const behind = await startApi({ ...world, url: proxies.mysql.url }, { REDIS_URL: proxies.redis.url });
    try {
      const reader = await open("chats=1,2,3&after=0", {}, behind);
      await reader.until(areCaughtUp(3));
      for (const [at, proxy] of [proxies.redis, proxies.mysql].entries()) {
        await proxy.cut();
        for (const chat of chats) await world.accept(chat, `message ${at}`);
        await proxy.restore();
        await eventually(
          () => {
            for (const chat of [1, 2, 3]) expect(of(chat, reader.events)).to.have.length(at + 1);
          },
          { timeoutMs: 15_000 },
        );
      }
    } finally {
      await behind.stop();
      await Promise.all([proxies.redis.close(), proxies.mysql.close()]);
    }
  });

  it("shows every message of each chat once, whatever is sent and stored, and however often a client returns", async () => {
    const operation = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant("send" as const), at: fc.nat({ max: 2 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("store" as const), at: fc.constant(0) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("return" as const), at: fc.constant(0) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 40 }), async (operations) => {
        token = await world.newApplication();
        chats = [await world.newChat(token), await world.newChat(token), await world.newChat(token)];
        const sent = [0, 0, 0];
        const seen: ReceivedEvent[] = [];
        let reader = await open("chats=1,2,3&after=0");
        let position = "0";
        for (const { kind, at } of operations) {
          if (kind === "send") await world.accept(chats[at]!, `message ${(sent[at]! += 1)}`);
          else if (kind === "store") await world.store();
          else {
            await reader.close();
            seen.push(...reader.events);
            position = reader.lastId() ?? position;
            reader = await open("chats=1,2,3", { "last-event-id": position });
          }
        }
        await reader.until((events) => sent.every((count, at) => of(at + 1, [...seen, ...events]).length === count));
        seen.push(...reader.events);
        for (const [at, count] of sent.entries()) {
          expect(of(at + 1, seen)).to.deep.equal(
            Array.from({ length: count }, (_, index) => ["message", at + 1, index + 1]),
          );
        }
        await world.store();
      }),
      { numRuns: 20 },
    );
  });
});
