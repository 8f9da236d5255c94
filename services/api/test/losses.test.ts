import { readdir, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageSchema, readStateSchema } from "@confab/contracts";
import { useEnding, eventually, startProxy, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { z } from "zod";
import type { EventReader, ReceivedEvent } from "./event-reader.ts";
import { problemOf, readAs, startApi, type Answer } from "./start.ts";
import { isCaughtUp, useStreamedChat } from "./streamed-chat.ts";
import { openWorldWithRedis, type Chat } from "./world.ts";

const endAfterTest = useEnding();

describe("when Redis has lost messages and assigns their numbers again", function () {
  this.timeout(60_000);
  const world = useForAll(openWorldWithRedis);
  const api = useForAll(() => startApi(world, { REDIS_URL: world.server.url }));
  const { chat, open } = useStreamedChat(world, api);
  const shown = (events: readonly ReceivedEvent[]) =>
    events
      .filter(({ event }) => event !== "caught-up")
      .map(({ event, data }) => [event, data.number, ...("body" in data ? [data.body] : [])]);
  const again = (...numbers: number[]) => [
    ["reset", numbers[0]! - 1],
    ...numbers.map((number) => ["message", number, `new ${number}`]),
  ];
  const bodies = (answer: Answer) => readAs(z.array(messageSchema), answer).map(({ body }) => body);
  const nextOf = (answer: Answer) => /<([^>]*)>; rel="next"/.exec(answer.headers.get("link") ?? "")?.[1] ?? "";

  /** Sends eight messages to each chat: three are stored and five stay pending. */
  async function sendEight(...to: Chat[]): Promise<void> {
    const chats = [chat, ...to];
    for (const each of chats) await world.accept(each, "old 1", "old 2", "old 3");
    await world.store();
    for (const each of chats) await world.accept(each, "old 4", "old 5", "old 6", "old 7", "old 8");
  }
  const sendNew = (from: number, to: number, chatOf: Chat = chat) =>
    world.accept(chatOf, ...Array.from({ length: to - from + 1 }, (_, at) => `new ${from + at}`));
  const flush = () => world.redis.flushall();

  it("open streams go back to the last message that was kept, before they miss a new one", async () => {
    const other = await world.newChat(chat.token);
    await sendEight(other);
    const alone = await open("?after=0");
    const both = await open(`?chats=${chat.number},${other.number}&after=0`, {
      of: `/applications/${chat.token}/stream`,
    });
    await alone.until((events) => shown(events).length === 8);
    await both.until((events) => shown(events).length === 16);
    await flush();
    await sendNew(4, 7);
    await sendNew(4, 5, other);
    await alone.until((events) => shown(events).length === 13);
    await both.until((events) => shown(events).length === 24);
    expect(shown(alone.events).slice(8)).to.deep.equal(again(4, 5, 6, 7));
    const later = both.events.filter(({ event }) => event !== "caught-up").slice(16);
    const of = ({ number }: Chat) => shown(later.filter(({ data }) => data.chat_number === number));
    expect(of(chat)).to.deep.equal(again(4, 5, 6, 7));
    expect(of(other)).to.deep.equal(again(4, 5));
    expect(alone.events.find(({ event }) => event === "reset")?.data).to.deep.equal({
      chat_number: chat.number,
      number: 3,
      change: 0,
    });
  });

  for (const last of [7, 8, 11]) {
    for (const isStored of [false, true]) {
      it(`streams that come back from number 8 do, when the chat is at ${last} (${isStored ? "stored" : "pending"})`, async () => {
        const other = await world.newChat(chat.token);
        const many = `/applications/${chat.token}/stream`;
        const chats = `?chats=${chat.number},${other.number}`;
        await sendEight();
        const alone = await open("?after=0");
        const both = await open(`${chats}&after=0`, { of: many });
        await alone.until((events) => shown(events).length === 8);
        await both.until((events) => shown(events).length === 8 && events.length === 10);
        await Promise.all([alone.close(), both.close()]);
        await flush();
        await sendNew(4, last);
        if (isStored) {
          await world.store();
          await flush();
        }
        const expected = again(...Array.from({ length: last - 3 }, (_, at) => at + 4));
        for (const [query, of] of [
          [`?after=${alone.lastId()!}`, `${chat.path}/stream`],
          [`${chats}&after=${both.lastId()!}`, many],
        ] as const) {
          const back = await open(query, { of });
          await back.until((events) => shown(events).length === expected.length && isCaughtUp(events));
          expect(shown(back.events)).to.deep.equal(expected);
        }
      });
    }
  }

  describe("and a worker stores what it had read before,", () => {
    const bodiesOf = (reader: EventReader) =>
      shown(reader.events)
        .map(([, , body]) => String(body))
        .filter((body) => body.startsWith("new"));

    beforeEach(async () => {
      await sendEight();
      const storeLate = await world.take((number) => number === 6);
      await flush();
      await sendNew(4, 4);
      await storeLate();
    });

    it("a stream passes no numbers that are yet to be assigned", async () => {
      const reader = await open("?after=3");
      await reader.until(isCaughtUp);
      await sendNew(5, 6);
      await reader.until(() => bodiesOf(reader).length === 3);
      expect(bodiesOf(reader)).to.deep.equal(["new 4", "new 5", "new 6"]);
    });

    it("a list passes none", async () => {
      const page = await api.get(`${chat.path}?after=3`);
      expect(bodies(page)).to.deep.equal(["new 4", "old 6"]);
      await sendNew(5, 6);
      expect(bodies(await api.get(`${chat.path}?after=6`))).to.deep.equal(["new 5", "new 6"]);
    });
  });

  it("a reader that returns after two losses goes back to before the first", async () => {
    await sendEight();
    const reader = await open("?after=0");
    await reader.until((events) => shown(events).length === 8);
    await reader.close();
    await flush();
    await sendNew(4, 6);
    await world.store();
    await sendNew(7, 9);
    await flush();
    await sendNew(7, 12);
    const back = await open(`?after=${reader.lastId()!}`);
    await back.until(isCaughtUp);
    expect(shown(back.events)).to.deep.equal(again(4, 5, 6, 7, 8, 9, 10, 11, 12));
  });

  it("a reader that has nothing of what was lost is not sent back", async () => {
    await sendEight();
    const reader = await open("?after=0");
    await reader.until((events) => shown(events).length === 8);
    const { id } = reader.events.find(({ data }) => data.number === 3)!;
    await flush();
    await sendNew(4, 5);
    const back = await open(`?after=${id!}`);
    await back.until(isCaughtUp);
    expect(shown(back.events)).to.deep.equal(again(4, 5).slice(1));
  });

  it("polls are answered 409 with the last number that was kept", async () => {
    await sendEight();
    const page = await api.get(`${chat.path}?after=5&wait=5`);
    expect(bodies(page)).to.deep.equal(["old 6", "old 7", "old 8"]);
    const next = nextOf(page);
    const waiting = api.get(`${chat.path}?after=8&wait=30`);
    await eventually(() => expect(api.waits.count()).to.equal(1));
    await flush();
    for (const query of ["?after=8", "?after=8&wait=5"]) {
      expect(problemOf(await api.get(chat.path + query), "position-reset").last_number).to.equal(3);
    }
    await sendNew(4, 7);
    expect(problemOf(await waiting, "position-reset").last_number).to.equal(3);
    for (const query of ["?after=8", "?after=8&wait=5"]) {
      expect(problemOf(await api.get(chat.path + query), "position-reset").last_number).to.equal(3);
    }
    const { last_message_number, detail } = problemOf(await api.get(`${chat.path}?after=8`), "position-reset");
    expect(last_message_number).to.equal(7);
    expect(detail).to.include("its last number is 7").and.include("above 3");
    await sendNew(8, 10);
    expect(bodies(await api.get(`${chat.path}?after=8`)), "a number alone does not show it").to.deep.equal([
      "new 9",
      "new 10",
    ]);
    expect(problemOf(await api.get(next), "position-reset").last_number).to.equal(3);
    expect(bodies(await api.get(`${chat.path}?after=3`))).to.have.length(7);
    expect(bodies(await api.get(nextOf(await api.get(`${chat.path}?after=10&wait=1`)))), "at the end").to.deep.equal(
      [],
    );
  });

  it("read horizons go back, unless they were set afterwards", async () => {
    const reads = `/applications/${chat.token}/chats/${chat.number}/reads`;
    const put = (reader: string, number: number) => api.send("PUT", `${reads}/${reader}`, { number });
    const get = async (reader: string) => readAs(readStateSchema, await api.get(`${reads}/${reader}`));
    await sendEight();
    await put("ahead", 8);
    await put("behind", 2);
    await put("quick", 7);
    await flush();
    expect(problemOf(await put("ahead", 9), "position-reset").last_number).to.equal(3);
    await sendNew(4, 7);
    expect(readAs(readStateSchema, await put("quick", 5))).to.include({ number: 5, unread: 2 });
    await world.store();
    expect(await get("ahead")).to.include({ number: 3, unread: 4 });
    expect(await get("behind")).to.include({ number: 2, unread: 5 });
    expect(await get("quick")).to.include({ number: 5, unread: 2 });
    await put("ahead", 7);
    await sendNew(8, 9);
    await world.store();
    expect(await get("ahead")).to.include({ number: 7, unread: 2 });
  });

  it("a restart with a truncated file sends readers back, and one with all data does not", async () => {
    const folder = join(world.dir, "data/appendonlydir");
    const log = async () =>
      join(
        folder,
        (await readdir(folder)).find((name) => name.endsWith(".incr.aof"))!,
      );
    const restart = async (cutTo?: number) => {
      await world.server.kill();
      if (cutTo !== undefined) await truncate(await log(), cutTo);
      await world.server.start();
      await eventually(() => world.redis.ping());
    };
    await world.accept(chat, "old 1", "old 2", "old 3");
    const { size } = await stat(await log());
    const reader = await open("?after=0");
    await restart();
    await world.accept(chat, "old 4", "old 5");
    await reader.until((events) => shown(events).length === 5);
    await sleep(300);
    expect(shown(reader.events).map(([event]) => event)).to.deep.equal(Array(5).fill("message"));
    const [third] = reader.events.slice(-2);
    await reader.close();
    const same = await open(`?after=${third!.id!}`);
    await same.until(isCaughtUp);
    expect(shown(same.events)).to.deep.equal([["message", 5, "old 5"]]);
    await restart(size);
    await sendNew(4, 7);
    const back = await open(`?after=${reader.lastId()!}`);
    await back.until(isCaughtUp);
    expect(shown(back.events)).to.deep.equal(again(4, 5, 6, 7));
  });

  it("nobody is sent back while Redis is unavailable, and no stream claims to be caught up", async () => {
    await sendEight();
    const proxy = endAfterTest(await startProxy({ target: world.server.url }));
    const behind = endAfterTest(await startApi(world, { REDIS_URL: proxy.url }));
    await proxy.cut();
    const reader = await open("?after=8", { from: behind });
    const behindAll = await open("?after=1", { from: behind });
    await sleep(2_500);
    expect(reader.events).to.deep.equal([]);
    expect(behindAll.events.map(({ event }) => event)).to.deep.equal(["message", "message"]);
    expect(bodies(await behind.get(`${chat.path}?after=8`))).to.deep.equal([]);
    await proxy.restore();
    await Promise.all([reader.until(isCaughtUp), behindAll.until(isCaughtUp)]);
    expect(shown(reader.events)).to.deep.equal([]);
    expect(shown(behindAll.events)).to.have.length(7);
  });

  it("dead letters at the end of a chat are no loss, even if Redis has forgotten the chat", async () => {
    await world.accept(chat, "one", "x".repeat(65_536));
    const reader = await open("?after=0");
    await reader.until((events) => shown(events).length === 2);
    await world.store();
    await flush();
    const back = await open(`?after=${reader.lastId()!}`);
    await back.until(isCaughtUp);
    expect(shown(back.events)).to.deep.equal([]);
    expect(bodies(await api.get(`${chat.path}?after=2`))).to.deep.equal([]);
  });
});
