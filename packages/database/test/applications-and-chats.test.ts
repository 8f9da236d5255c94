import { createHash, randomUUID } from "node:crypto";
import { useForAll } from "@confab/testkit";
import { expect } from "chai";
import fc from "fast-check";
import {
  IdempotencyConflict,
  createApplications,
  createChats,
  createDatabase,
  isRefusal,
  type ApplicationReference,
} from "@confab/database";
import { batch, message, openTestDatabase, rejection } from "./setup.ts";

const hash = (text: string) => createHash("sha256").update(text).digest();

describe("applications", () => {
  const test = useForAll(openTestDatabase);

  it("are found only by their exact token, even if the database compares another one as equal", async () => {
    const token = randomUUID();
    const made = await test.applications.create({ token, name: "Café 😀" });
    expect(made).to.include({ token, name: "Café 😀", chatsCount: 0, lastChatNumber: 0, replayed: false });
    expect(await test.applications.find(token)).to.deep.include({ id: made.id, createdAt: made.createdAt });
    for (const other of [token.toUpperCase(), `${token} `, "", randomUUID()]) {
      expect(await test.applications.find(other), JSON.stringify(other)).to.equal(undefined);
    }
  });

  it("are renamed, unless they are unknown", async () => {
    const token = randomUUID();
    const { updatedAt } = await test.applications.create({ token, name: "before" });
    await new Promise((resolve) => setTimeout(resolve, 3));
    const renamed = await test.applications.change(token, { name: "after" });
    expect(renamed?.name).to.equal("after");
    expect(renamed?.updatedAt.getTime()).to.be.greaterThan(updatedAt.getTime());
    expect(await test.applications.change(randomUUID(), { name: "x" })).to.equal(undefined);
  });

  it("are listed page by page, oldest first, each once", async () => {
    const fresh = await openTestDatabase();
    // Applications created in the same millisecond are listed by token.
    const tokens = Array.from({ length: 7 }, () => randomUUID()).sort();
    for (const token of tokens) await fresh.applications.create({ token, name: "n" });
    const seen: string[] = [];
    let after: ApplicationReference | undefined;
    do {
      const page = await fresh.applications.list({ after, limit: 3 });
      expect(page.items.length).to.be.within(1, 3);
      seen.push(...page.items.map((item) => item.token));
      after = page.next;
    } while (after !== undefined);
    expect(seen).to.deep.equal(tokens);
    await fresh.close();
  });

  it("are created once per idempotency key, even by concurrent requests", async () => {
    const others = createApplications(createdElsewhere());
    const idempotency = { key: randomUUID(), requestHash: hash("a") };
    const made = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        (i % 2 ? others : test.applications).create({ token: randomUUID(), name: "once", idempotency }),
      ),
    );
    expect(new Set(made.map((application) => application.id)).size).to.equal(1);
    expect(made.filter((application) => !application.replayed)).to.have.lengthOf(1);
    const again = await test.applications.create({ token: randomUUID(), name: "once", idempotency });
    expect(again).to.include({ replayed: true, token: made[0]?.token });
    expect(await test.database.prisma.application.count({ where: { name: "once" } })).to.equal(1);
  });

  it("conflict when an idempotency key is reused with a different request", async () => {
    const key = randomUUID();
    await test.applications.create({ token: randomUUID(), name: "n", idempotency: { key, requestHash: hash("a") } });
    const other = { token: randomUUID(), name: "m", idempotency: { key, requestHash: hash("b") } };
    expect(await rejection(test.applications.create(other))).to.be.instanceOf(IdempotencyConflict);
    expect(await test.applications.find(other.token)).to.equal(undefined);
    const upper = { key: key.toUpperCase(), requestHash: hash("b") };
    expect(await test.applications.create({ ...other, idempotency: upper })).to.include({ replayed: false });
  });

  const pools: ReturnType<typeof createDatabase>[] = [];
  function createdElsewhere() {
    const database = createDatabase({ url: test.url });
    pools.push(database);
    return database;
  }
  after(() => Promise.all(pools.map((pool) => pool.close())));
});

describe("chats", () => {
  let token: string;
  const statements: string[] = [];
  const test = useForAll(() => openTestDatabase({ onQuery: ({ sql }) => statements.push(sql) }));
  beforeEach(async () => {
    token = randomUUID();
    await test.applications.create({ token, name: "owner" });
  });

  it("are numbered 1, 2, 3 and counted per application", async () => {
    const first = await test.chats.create({ token, name: "général" });
    const second = await test.chats.create({ token });
    expect(first).to.include({ number: 1, name: "général", messagesCount: 0, replayed: false });
    expect(second).to.include({ number: 2, name: null });
    expect(await test.applications.find(token)).to.include({ chatsCount: 2, lastChatNumber: 2 });
    expect(await test.chats.find(token, 2)).to.include({ id: second?.id });
    const stranger = await test.newChat();
    expect(stranger.number).to.equal(1);
    expect(await test.chats.find(stranger.token, 2)).to.equal(undefined);
    expect(await test.chats.find(`${token} `, 1)).to.equal(undefined);
  });

  it("are not created, found, listed, renamed or located in an unknown application", async () => {
    const unknown = randomUUID();
    expect(await test.chats.create({ token: unknown })).to.equal(undefined);
    expect(await test.chats.find(unknown, 1)).to.equal(undefined);
    expect(await test.chats.list(unknown, { limit: 5 })).to.equal(undefined);
    expect(await test.chats.change(unknown, 1, { name: "x" })).to.equal(undefined);
    expect(await test.chats.locate(unknown, 1)).to.equal(undefined);
  });

  it("get gapless numbers when several processes create at once", async () => {
    const pools = [createDatabase({ url: test.url }), createDatabase({ url: test.url })];
    const creators = [test.chats, ...pools.map((pool) => createChats(pool))];
    const made = await Promise.all(Array.from({ length: 60 }, (_, i) => creators[i % 3]!.create({ token })));
    expect(made.map((chat) => chat?.number).sort((a, b) => a! - b!)).to.deep.equal(
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
    expect(await test.applications.find(token)).to.include({ chatsCount: 60, lastChatNumber: 60 });
    await Promise.all(pools.map((pool) => pool.close()));
  });

  it("share a transaction when they are created while another one runs", async () => {
    statements.length = 0;
    await Promise.all(Array.from({ length: 100 }, () => test.chats.create({ token })));
    expect(statements.filter((sql) => sql.startsWith("INSERT INTO chats"))).to.have.lengthOf(2);
  });

  it("are created once per idempotency key, in any mix of requests", async () => {
    const request = fc.record({ key: fc.option(fc.nat({ max: 3 })), body: fc.nat({ max: 1 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 15 }), async (requests) => {
        const owner = randomUUID();
        await test.applications.create({ token: owner, name: "n" });
        const outcomes = await Promise.allSettled(
          requests.map(({ key, body }) =>
            test.chats.create({
              token: owner,
              name: String(body),
              idempotency: key === null ? undefined : { key: `k${key}`, requestHash: hash(String(body)) },
            }),
          ),
        );
        const firsts = new Map<number, number>();
        let expected = 0;
        requests.forEach(({ key, body }, i) => {
          const outcome = outcomes[i]!;
          if (key !== null && firsts.has(key) && firsts.get(key) !== body) {
            expect(outcome.status).to.equal("rejected");
            return;
          }
          expect(outcome.status).to.equal("fulfilled");
          if (outcome.status !== "fulfilled") return;
          const replayed = key !== null && firsts.has(key);
          if (!replayed) expected += 1;
          if (key !== null && !replayed) firsts.set(key, body);
          expect(outcome.value).to.include({ replayed, name: String(body) });
        });
        const page = await test.chats.list(owner, { limit: 100 });
        expect(page?.items.map((chat) => chat.number)).to.deep.equal(Array.from({ length: expected }, (_, i) => i + 1));
        expect((await test.applications.find(owner))?.chatsCount).to.equal(expected);
      }),
      { numRuns: 25 },
    );
  });

  it("distinguish the same idempotency key of different applications", async () => {
    const idempotency = { key: "same", requestHash: hash("x") };
    const mine = await test.chats.create({ token, idempotency });
    const other = await test.newChat();
    expect(await test.chats.create({ token: other.token, idempotency })).to.include({ number: 2, replayed: false });
    expect(await test.chats.create({ token, idempotency })).to.include({ id: mine?.id, replayed: true });
    await test.database.prisma.chat.deleteMany({ where: { id: mine!.id } });
    expect(await rejection(test.chats.create({ token, idempotency }))).to.be.instanceOf(IdempotencyConflict);
  });

  it("that are refused do not affect chats that are created with them", async () => {
    const names = ["a", "b", "x".repeat(256), "c"];
    const outcomes = await Promise.allSettled(names.map((name) => test.chats.create({ token, name })));
    expect(outcomes.map((outcome) => outcome.status)).to.deep.equal([
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    const [refused] = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(isRefusal(refused?.reason)).to.equal(true);
    const page = await test.chats.list(token, { limit: 9 });
    expect(page?.items.map((chat) => [chat.number, chat.name])).to.deep.equal([
      [1, "a"],
      [2, "b"],
      [3, "c"],
    ]);
  });

  it("are listed in ascending order and renamed", async () => {
    for (let i = 0; i < 5; i += 1) await test.chats.create({ token });
    const first = await test.chats.list(token, { limit: 2 });
    expect(first?.items.map((chat) => chat.number)).to.deep.equal([1, 2]);
    expect(first).to.include({ more: true, last: 5 });
    const rest = await test.chats.list(token, { after: 2, limit: 9 });
    expect(rest?.items.map((chat) => chat.number)).to.deep.equal([3, 4, 5]);
    expect(rest).to.include({ more: false });
    const before = await test.chats.list(token, { before: 5, limit: 2 });
    expect(before?.items.map((chat) => chat.number)).to.deep.equal([3, 4]);
    expect(before).to.include({ more: true });
    expect(await test.chats.change(token, 3, { name: "three" })).to.include({ number: 3, name: "three" });
    expect(await test.chats.change(token, 6, { name: "six" })).to.equal(undefined);
  });

  it("are located with the highest number that is stored or dead-lettered", async () => {
    const chat = await test.newChat();
    const locate = async () => (await test.chats.locate(chat.token, 1))?.lastNumber;
    expect(await test.chats.locate(chat.token, 1)).to.deep.equal({ id: chat.id, lastNumber: 0, epoch: 0 });
    await test.batchStore.store([batch(message(chat.id, 1), message(chat.id, 9))]);
    expect(await locate()).to.equal(9);
    await test.batchStore.store([batch(message(chat.id, 10, "x".repeat(70_000)))]);
    expect(await locate()).to.equal(10);
    expect(await test.chats.locate(chat.token, 2)).to.equal(undefined);
  });
});
