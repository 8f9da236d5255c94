import { setTimeout as sleep } from "node:timers/promises";
import { messageSchema, type Message } from "@confab/contracts";
import { expect } from "chai";
import fc from "fast-check";
import { z } from "zod";
import { problemOf, readAs, useApi } from "./start.ts";
import { changesOf, isCaughtUp, shown, withoutNumbering, useStreamedChat } from "./streamed-chat.ts";

describe("the live stream of a chat", function () {
  this.timeout(60_000);
  const { world, api } = useApi();
  const { chat, newChat, open } = useStreamedChat(world, api);
  const edit = (number: number, body: string, of = chat.path) => api.send("PATCH", `${of}/${number}`, { body });
  const remove = (number: number, of = chat.path) => api.send("DELETE", `${of}/${number}`);

  it("begins now, and shows each message as soon as it is accepted, in order", async () => {
    await world.accept(chat, "before");
    const reader = await open();
    await reader.until(isCaughtUp);
    expect(reader.headers.get("x-accel-buffering")).to.equal("no");
    await world.accept(chat, "one", "two", "three");
    await reader.until((events) => events.length === 4);
    expect(shown(reader.events)).to.deep.equal([
      ["1", "caught-up"],
      ["2", "message", "one"],
      ["3", "message", "two"],
      ["4", "message", "three"],
    ]);
    const listed = readAs(z.array(messageSchema), await api.get(chat.path));
    expect(reader.events.slice(1).map(({ data }) => data)).to.deep.equal(listed.slice(1));
    await world.store();
    await sleep(200);
    expect(reader.events, "storing is no event").to.have.length(4);
  });

  it("continues after any event, with what was stored and what is pending", async () => {
    await world.accept(chat, ...Array.from({ length: 250 }, (_, at) => `message ${at + 1}`));
    await world.store((number) => number <= 230);
    for (const after of [0, 1, 99, 100, 229, 230, 249]) {
      const reader = await open(`?after=${after}`);
      await reader.until(isCaughtUp);
      const numbers = reader.events.slice(0, -1).map(({ id, event }) => [event, Number(withoutNumbering(id))]);
      expect(numbers).to.deep.equal(Array.from({ length: 250 - after }, (_, at) => ["message", after + at + 1]));
    }
    const reader = await open("?after=7", { headers: { "last-event-id": "248" } });
    await reader.until(isCaughtUp);
    expect(shown(reader.events), "the header wins").to.have.length(3);
  });

  it("shows edits and deletions in the order of their change numbers, live and after a return", async () => {
    await world.accept(chat, "one", "two", "three");
    await world.store();
    const live = await open("?after=3");
    await live.until(isCaughtUp);
    await edit(1, "uno");
    await live.until((events) => events.length === 2);
    await remove(2);
    await live.until((events) => events.length === 3);
    await edit(1, "eins");
    await world.accept(chat, "four");
    await live.until((events) => events.length === 5);
    const [uno, deleted] = changesOf(live.events);
    expect(shown(live.events).slice(1, 3)).to.deep.equal([
      [`3-${uno}`, "edited", "uno"],
      [`3-${deleted}`, "deleted", null],
    ]);
    const late = await open(`?after=3-${uno}`);
    await late.until(isCaughtUp);
    const eins = changesOf(late.events)[1];
    expect([uno, deleted, eins]).to.deep.equal([uno, deleted, eins].sort());
    expect(shown(late.events)).to.deep.equal([
      [`4-${uno}`, "message", "four"],
      [`4-${deleted}`, "deleted", null],
      [`4-${eins}`, "edited", "eins"],
      [`4-${eins}`, "caught-up"],
    ]);
  });

  it("shows a message that was changed before it was sent once, as it is now", async () => {
    await world.accept(chat, "one", "two");
    await world.store();
    await edit(1, "uno");
    await remove(2);
    const reader = await open("?after=0");
    await reader.until(isCaughtUp);
    expect(shown(reader.events)).to.deep.equal([
      ["1", "message", "uno"],
      ["2", "message", null],
      [`2-${reader.events[1]!.data.change_number as number}`, "caught-up"],
    ]);
  });

  it("names the numbers that have no message", async () => {
    await world.accept(chat, "one", "x".repeat(65_536), "y".repeat(65_536), "four");
    await world.store();
    const reader = await open("?after=0");
    await reader.until(isCaughtUp);
    expect(shown(reader.events)).to.deep.equal([
      ["1", "message", "one"],
      ["3", "gap"],
      ["4", "message", "four"],
      ["4", "caught-up"],
    ]);
    expect(reader.events[1]?.data).to.deep.equal({ chat_number: chat.number, from: 2, to: 3 });
  });

  it("shows moves of read horizons while they happen, without a position", async () => {
    await world.accept(chat, "one", "two", "three");
    const reader = await open("?after=0");
    await reader.until(isCaughtUp);
    const reads = `/applications/${chat.token}/chats/${chat.number}/reads`;
    const move = (name: string, number: number) => api.send("PUT", `${reads}/${name}`, { number });
    await move("anna", 2);
    await move("anna", 1);
    await move("anna", 2);
    await move("ben", 3);
    await reader.until((events) => events.length === 6);
    expect(reader.events.slice(4)).to.deep.equal([
      { id: undefined, event: "read", data: { chat_number: chat.number, reader: "anna", number: 2 } },
      { id: undefined, event: "read", data: { chat_number: chat.number, reader: "ben", number: 3 } },
    ]);
    const late = await open("", { headers: { "last-event-id": reader.lastId()! } });
    await late.until(isCaughtUp);
    expect(shown(late.events), "not repeated").to.deep.equal([["3", "caught-up"]]);
  });

  it("is the same for many clients that come back at once, wherever each of them was", async () => {
    await world.accept(chat, "x".repeat(65_536), ...Array.from({ length: 160 }, (_, at) => `message ${at + 2}`));
    // The first message cannot be stored, so the numbers begin with a gap.
    await world.store((number) => number <= 150);
    const early = await open("?after=0");
    await early.until(isCaughtUp);
    for (const number of [3, 120]) await edit(number, "changed");
    await remove(121);
    const positions = Array.from({ length: 161 }, (_, at) => (at * 67) % 161);
    const readers = await Promise.all(positions.map((after) => open(`?after=${after}`)));
    for (const [at, reader] of readers.entries()) {
      await reader.until(isCaughtUp);
      const after = positions[at]!;
      const alone = await open(`?after=${after}`);
      await alone.until(isCaughtUp);
      expect(reader.events, `after ${after}`).to.deep.equal(alone.events);
      const numbers = reader.events.filter(({ event }) => event === "message").map(({ data }) => data.number);
      const expected = Array.from({ length: 161 - Math.max(after, 1) }, (_, offset) => Math.max(after, 1) + offset + 1);
      expect(numbers).to.deep.equal(expected);
      const changed = reader.events.filter(({ event }) => event === "edited" || event === "deleted");
      expect(changed.map(({ data }) => data.number)).to.deep.equal([3, 120, 121].filter((number) => number <= after));
      await alone.close();
    }
  });

  it("refuses what cannot begin", async () => {
    for (const after of [
      "-1",
      "x",
      "1-",
      "01",
      "1-2-3",
      "1.",
      "1.2-3",
      "2147483648",
      "1-9007199254740992",
      "1.9999999999",
    ]) {
      problemOf(await api.get(`${chat.path}/stream?after=${after}`), "validation-failed");
      problemOf(await api.get(`${chat.path}/stream`, { "last-event-id": after }), "validation-failed");
    }
    problemOf(await api.get(`/applications/${chat.token}/chats/99/messages/stream`), "chat-not-found");
  });

  it("shows the same as the list, whatever is sent, stored, edited and deleted, and however often a client returns", async () => {
    const operation = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("send" as const), body: fc.string({ minLength: 1 }) }) },
      { weight: 2, arbitrary: fc.constant({ kind: "store" as const }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("edit" as const), at: fc.nat(), body: fc.string() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), at: fc.nat() }) },
      { weight: 2, arbitrary: fc.constant({ kind: "return" as const }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 40 }), async (operations) => {
        const own = await newChat();
        const of = `${own.path}/stream`;
        const seen = new Map<number, Message>();
        const numbers: number[] = [];
        const changes: number[] = [];
        let position = "0";
        let reader = await open("?after=0", { of });
        const take = async () => {
          await reader.close();
          for (const { event, data } of reader.events) {
            if (event === "caught-up") continue;
            const message = messageSchema.parse(data);
            if (event === "message") numbers.push(message.number);
            else changes.push(message.change_number!);
            seen.set(message.number, message);
          }
        };
        let [sent, stored] = [0, 0];
        for (const each of operations) {
          if (each.kind === "send") {
            await world.accept(own, `x${each.body}`);
            sent += 1;
          } else if (each.kind === "store") {
            await world.store();
            stored = sent;
          } else if (each.kind === "edit" && stored > 0) await edit(1 + (each.at % stored), `y${each.body}`, own.path);
          else if (each.kind === "delete" && stored > 0) await remove(1 + (each.at % stored), own.path);
          else if (each.kind === "return") {
            await take();
            position = reader.lastId() ?? position;
            reader = await open("", { headers: { "last-event-id": position }, of });
          }
        }
        await world.store();
        const listed = readAs(z.array(messageSchema), await api.get(`${own.path}?limit=200`));
        const { lastChangeNumber } = await world.database.prisma.chat.findUniqueOrThrow({ where: { id: own.id } });
        const end = lastChangeNumber === 0 ? String(sent) : `${sent}-${lastChangeNumber}`;
        await reader.until(() => (withoutNumbering(reader.lastId()) ?? "0") === end || sent === 0);
        await take();
        expect(numbers, "no hole and no repetition").to.deep.equal(listed.map(({ number }) => number));
        expect(changes, "changes in order, none twice").to.deep.equal([...new Set(changes)].sort((a, b) => a - b));
        expect([...seen.values()]).to.deep.equal(listed);
      }),
      { numRuns: 25 },
    );
  });
});
