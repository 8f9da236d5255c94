import { expect } from "chai";
import fc from "fast-check";
import { batch, message, openTestDatabase } from "./setup.ts";
import type { TestDatabase } from "./setup.ts";

describe("reading messages", () => {
  let test: TestDatabase;
  const chats: bigint[] = [];
  const stored: [bigint, number][] = [];

  before(async () => {
    test = await openTestDatabase();
    for (const numbers of [[1, 2, 3, 5, 8, 13], [], [2], [1, 2, 3, 4]]) {
      const { id } = await test.newChat();
      chats.push(id);
      stored.push(...numbers.map((number): [bigint, number] => [id, number]));
      await test.persistence.persist([batch(...numbers.map((number) => message(id, number)))]);
    }
  });
  after(() => test.close());

  const keys = (rows: { chatId: bigint; number: number }[]) => rows.map((row) => [row.chatId, row.number]);

  it("finds one by its number", async () => {
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

  it("scans the whole table in key order, whatever the page size", async () => {
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

  it("reads what lies in ranges, each message once", async () => {
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
