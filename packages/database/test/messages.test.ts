import { randomUUID } from "node:crypto";
import { useForAll } from "@confab/testkit";
import { removeMessages } from "@confab/database";
import { expect } from "chai";
import fc from "fast-check";
import { batch, message, openTestDatabase, remember } from "./setup.ts";

describe("reading messages", () => {
  const chats: bigint[] = [];
  const stored: [bigint, number][] = [];

  const test = useForAll(openTestDatabase);
  before(async () => {
    for (const numbers of [[1, 2, 3, 5, 8, 13], [], [2], [1, 2, 3, 4]]) {
      const { id } = await test.newChat();
      chats.push(id);
      stored.push(...numbers.map((number): [bigint, number] => [id, number]));
      await test.batchStore.store([batch(...numbers.map((number) => message(id, number)))]);
    }
  });

  const keys = (rows: { chatId: bigint; number: number }[]) => rows.map((row) => [row.chatId, row.number]);

  it("finds a message by its number", async () => {
    expect(await test.messages.find(chats[0]!, 8)).to.include({ number: 8, body: "message 8" });
    expect(await test.messages.find(chats[0]!, 4)).to.equal(undefined);
  });

  it("reads any window in either order", async () => {
    const end = fc.option(fc.integer({ min: 0, max: 15 }), { nil: undefined });
    const query = fc.record({
      from: end,
      to: end,
      order: fc.constantFrom("asc" as const, "desc" as const, undefined),
      limit: fc.integer({ min: 1, max: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(query, async ({ from, to, order, limit }) => {
        const all = [1, 2, 3, 5, 8, 13].filter((number) => number >= (from ?? 0) && number <= (to ?? 99));
        if (order === "desc") all.reverse();
        const rows = await test.messages.range(chats[0]!, { from, to, order, limit });
        expect(rows.map((row) => row.number)).to.deep.equal(all.slice(0, limit));
      }),
      { numRuns: 60 },
    );
  });

  it("scans the whole table in key order with any page size", async () => {
    for (const limit of [1, 2, 3, 7, 100]) {
      const seen: [bigint, number][] = [];
      for (let at: [bigint, number] = [0n, 0]; ;) {
        const rows = await test.messages.scan({ afterChatId: at[0], afterNumber: at[1], limit });
        expect(rows.length).to.be.at.most(limit);
        if (rows.length === 0) break;
        for (const row of rows) expect(row.applicationId).to.be.a("bigint");
        seen.push(...rows.map((row): [bigint, number] => [row.chatId, row.number]));
        at = seen.at(-1)!;
      }
      expect(seen, `limit ${limit}`).to.deep.equal(stored);
    }
  });

  it("reads the messages of ranges, each once", async () => {
    const [first, empty, , last] = chats as [bigint, bigint, bigint, bigint];
    const rows = await test.messages.inRanges([
      { chatId: last, from: 2, to: 3 },
      { chatId: first, from: 3, to: 8 },
      { chatId: first, from: 5, to: 9 },
      { chatId: empty, from: 1, to: 99 },
    ]);
    expect(keys(rows)).to.deep.equal([
      [first, 3],
      [first, 5],
      [first, 8],
      [last, 2],
      [last, 3],
    ]);
    const application = await test.database.prisma.chat.findUnique({ where: { id: first } });
    expect(rows[0]).to.include({ applicationId: application?.applicationId, version: 1, body: "message 3" });
    expect(await test.messages.inRanges([])).to.deep.equal([]);
  });
});

describe("measuring messages", () => {
  const test = useForAll(openTestDatabase);

  it("measures bodies in bytes", async () => {
    const { id } = await test.newChat();
    const bodies = ["a", "é", "😀", "x".repeat(65_535)];
    await test.batchStore.store([batch(...bodies.map((body, at) => message(id, at + 1, body)))]);
    const sizes = await test.messages.sizes(id, { limit: 10 });
    expect(sizes).to.deep.equal([1, 2, 4, 65_535].map((bytes, at) => ({ number: at + 1, bytes })));
    expect(await test.messages.sizes(id, { from: 2, to: 3, order: "desc", limit: 1 })).to.deep.equal([
      { number: 3, bytes: 4 },
    ]);
  });

  it("counts the messages of ranges and adds up their numbers, without deleted ones", async () => {
    const { id } = await test.newChat();
    const numbers = [1, 2, 3, 4, 2_000_000_000, 2_147_483_647];
    await test.batchStore.store([batch(...numbers.map((number) => message(id, number)))]);
    await removeMessages(test.database, id, [3]);
    const ranges = [
      { chatId: id, from: 1, to: 4 },
      { chatId: id, from: 5, to: 9 },
      { chatId: id, from: 4, to: 2_147_483_647 },
    ];
    expect(await test.messages.counts(ranges)).to.deep.equal([
      { count: 3, sum: 7 },
      { count: 0, sum: 0 },
      { count: 3, sum: 4_147_483_651 },
    ]);
    const [counted] = await test.chats.countsAfter(id - 1n, 1);
    expect(counted).to.deep.include({ id, count: 5, sum: 4_147_483_654 });
    expect(await test.messages.counts([])).to.deep.equal([]);
  });

  it("returns the last number and the dead-lettered numbers", async () => {
    const { id } = await test.newChat();
    expect(await test.messages.lastNumber(id)).to.equal(0);
    const dead = [2, 4, 5].map((number) => message(id, number, "x".repeat(65_536)));
    await test.batchStore.store([batch(message(id, 1), message(id, 3)), batch(...dead)]);
    expect(await test.messages.lastNumber(id)).to.equal(3);
    expect(await test.messages.deadLettered({ chatId: id, from: 1, to: 9 }, { order: "asc", limit: 10 })).to.deep.equal(
      [2, 4, 5],
    );
    expect(await test.messages.deadLettered({ chatId: id, from: 1, to: 4 }, { order: "desc", limit: 1 })).to.deep.equal(
      [4],
    );
  });

  it("reads messages for a search in chunks of limited bytes, and skips deleted ones", async () => {
    const { id } = await test.newChat();
    await test.batchStore.store([batch(...[1, 2, 3, 4, 5, 6].map((n) => message(id, n, "x".repeat(n * 100))))]);
    await test.database.prisma.message.updateMany({
      where: { chatId: id, number: { in: [3, 4] } },
      data: { deletedAt: new Date() },
    });
    const newest = async (page: { before?: number; limit: number; bytes: number }) =>
      (await test.messages.newest(id, page)).map(({ number }) => number);
    expect(await newest({ limit: 10, bytes: 10_000 })).to.deep.equal([6, 5, 2, 1]);
    expect(await newest({ limit: 10, bytes: 1_100 })).to.deep.equal([6, 5]);
    expect(await newest({ limit: 10, bytes: 1 })).to.deep.equal([6]);
    expect(await newest({ before: 5, limit: 2, bytes: 10_000 })).to.deep.equal([2, 1]);
    expect(await newest({ before: 1, limit: 2, bytes: 10_000 })).to.deep.equal([]);
  });

  it("finds the last message before a time, per chat, and skips deleted ones", async () => {
    const [one, two, three] = [await test.newChat(), await test.newChat(), await test.newChat()];
    const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms);
    const timed = (id: bigint, number: number) => ({ ...message(id, number), createdAt: at(10 * number) });
    await test.batchStore.store([
      batch(...[1, 2, 3, 4].map((n) => timed(one.id, n)), ...[1, 2].map((n) => timed(two.id, n)), timed(three.id, 5)),
    ]);
    await test.database.prisma.message.updateMany({
      where: { chatId: one.id, number: 3 },
      data: { deletedAt: new Date() },
    });
    const found = await test.messages.latestBefore([
      { chatId: one.id, before: at(40) },
      { chatId: two.id, before: at(21) },
      { chatId: three.id, before: at(50) },
    ]);
    expect(found.sort((a, b) => Number(a.chatId - b.chatId))).to.deep.equal([
      { chatId: one.id, number: 2, createdAt: at(20) },
      { chatId: two.id, number: 2, createdAt: at(20) },
    ]);
    expect(await test.messages.latestBefore([])).to.deep.equal([]);
  });

  it("lists the chats of an application that have messages, the latest first", async () => {
    const { token, id, applicationId } = await test.newChat();
    const [second, empty] = [await test.chats.create({ token }), await test.chats.create({ token })];
    await test.batchStore.store([batch({ ...message(id, 1), createdAt: new Date(2_000) })]);
    remember(token, second!);
    await test.batchStore.store([batch({ ...message(second!.id, 1), createdAt: new Date(5_000) })]);
    const numbers = async (limit: number) =>
      (await test.messages.activeChats(applicationId, limit)).map(({ chatNumber }) => chatNumber);
    expect(await numbers(9)).to.deep.equal([2, 1]);
    expect(await numbers(1)).to.deep.equal([2]);
    const named = await test.chats.numbered(applicationId, [3, 2, 9]);
    expect(named.map((chat) => chat.id)).to.have.members([second!.id, empty!.id]);
  });

  it("finds chats of several applications by token and number, without unknown ones", async () => {
    const [one, two] = [await test.newChat(), await test.newChat()];
    await test.batchStore.store([batch(message(two.id, 1), message(two.id, 2))]);
    const unknown = { token: randomUUID(), number: 1 };
    const names = [one, two].map(({ token }) => ({ token, number: 1 }));
    const found = await test.chats.withNames([
      ...names,
      unknown,
      { token: one.token, number: 9 },
      { token: "x", number: 1 },
    ]);
    expect(found).to.have.deep.members([
      { id: one.id, token: one.token, number: 1, lastMessageNumber: 0, lastChangeNumber: 0, lastNumbering: 0 },
      { id: two.id, token: two.token, number: 1, lastMessageNumber: 2, lastChangeNumber: 0, lastNumbering: 0 },
    ]);
    expect(await test.chats.withNames([])).to.deep.equal([]);
  });

  it("returns the states of messages of several chats, without deleted ones", async () => {
    const [one, two] = [await test.newChat(), await test.newChat()];
    await test.batchStore.store([batch(message(one.id, 1), message(one.id, 2), message(two.id, 2))]);
    await test.database.prisma.message.updateMany({
      where: { chatId: one.id, number: 2 },
      data: { deletedAt: new Date() },
    });
    const keys = [one, two].flatMap(({ id: chatId }) => [1, 2].map((number) => ({ chatId, number })));
    const states = await test.messages.states(keys);
    expect([...states].map(([chatId, of]) => [chatId, [...of.keys()]])).to.have.deep.members([
      [one.id, [1]],
      [two.id, [2]],
    ]);
    expect(states.get(two.id)?.get(2)?.version).to.equal(1);
    expect(await test.messages.states([])).to.deep.equal(new Map());
  });
});
