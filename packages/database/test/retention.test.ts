import { createDeadLetters, createMessageChanges, verifyCounts, removeHistories } from "@confab/database";
import { expect } from "chai";
import { tooLong, batch, collect, message, remember } from "./setup.ts";
import { dayMs, useRetention } from "./use-retention.ts";

describe("retention", () => {
  const { test, retention, clock, ago, store, limited, overdue, expireAll } = useRetention();
  const left = async (chatId: bigint): Promise<number[]> =>
    (await test.messages.range(chatId, { limit: 10_000 }))
      .filter(({ deletedAt }) => deletedAt === null)
      .map(({ number }) => number);
  const chatOf = (id: bigint) => test.database.prisma.chat.findUniqueOrThrow({ where: { id } });

  it("leaves tombstones without a sender of what is older than the limit, and nothing of the edge", async () => {
    const { id } = await limited(30);
    await store(id, [40, 31, 30, 0]);
    await test.batchStore.store([
      batch({ ...message(id, 5), createdAt: clock.now }, { ...message(id, 6), createdAt: ago(30, 1) }),
    ]);
    await createMessageChanges(test.database).edit({ chatId: id, number: 1 }, { body: "edited" });
    await createMessageChanges(test.database).remove({ chatId: id, number: 2 });
    expect(await expireAll()).to.equal(1);
    // The last one is over the limit, but behind younger ones.
    expect(await left(id)).to.deep.equal([3, 4, 5, 6]);
    const rows = await test.messages.range(id, { limit: 2 });
    expect(rows.map(({ body, sender }) => [body, sender])).to.deep.equal([
      ["", null],
      ["", null],
    ]);
    await removeHistories(test.database, { forMs: 5_000 });
    expect(await test.database.prisma.messageVersion.count({ where: { chatId: id } })).to.equal(0);
    expect(await chatOf(id)).to.deep.include({ messagesCount: 4, retainedFrom: 3, retainedFromAt: ago(30) });
    expect(await collect(verifyCounts(test.database))).to.deep.equal([]);
    expect(await overdue()).to.deep.equal([]);
    clock.now = new Date(clock.now.getTime() + 1);
    expect(await expireAll(), "a millisecond later").to.equal(1);
    expect(await left(id)).to.deep.equal([4, 5, 6]);
  });

  it("lets the limit of a chat win over that of its application, 0 included", async () => {
    const first = await limited(30);
    const { token } = first;
    const chats = [first];
    for (const retentionDays of [10, 0, null, 60]) {
      const chat = (await test.chats.create({ token, retentionDays }))!;
      chats.push({ ...chat, token });
    }
    for (const chat of chats) {
      remember(token, chat);
      await store(chat.id, [100, 50, 20, 5]);
    }
    const without = await test.newChat();
    await store(without.id, [1_000]);
    await expireAll();
    const found = [];
    for (const { id } of [...chats, without]) found.push(await left(id));
    expect(found).to.deep.equal([[3, 4], [4], [1, 2, 3, 4], [3, 4], [2, 3, 4], [1]]);

    // Later limits continue from where the earlier one ended. A higher one brings nothing back.
    await test.chats.change(token, first.number, { retentionDays: 7 });
    await test.chats.change(token, 2, { retentionDays: null });
    await test.chats.change(token, 3, { retentionDays: 50 });
    await expireAll();
    expect([await left(first.id), await left(chats[1]!.id), await left(chats[2]!.id)]).to.deep.equal([
      [4],
      [4],
      [2, 3, 4],
    ]);
    expect(await collect(verifyCounts(test.database))).to.deep.equal([]);
  });

  it("does not delete by a limit that was raised or removed since it looked", async () => {
    const chat = await limited(30);
    await store(chat.id, [40]);
    const [found] = await overdue();
    for (const retentionDays of [50, null]) {
      await test.applications.change(chat.token, { retentionDays });
      expect(await retention.expire(found!.id, clock.now)).to.deep.equal({ deleted: 0, more: false });
    }
    await test.applications.change(chat.token, { retentionDays: 30 });
    await test.chats.change(chat.token, chat.number, { retentionDays: 0 });
    expect(await retention.expire(found!.id, clock.now)).to.deep.equal({ deleted: 0, more: false });
    expect(await left(chat.id)).to.deep.equal([1]);
  });

  it("reads no tombstone twice, 500 messages per transaction", async () => {
    const { id } = await limited(30);
    await store(id, Array<number>(1_100).fill(40));
    expect(await retention.expire(id, clock.now)).to.deep.equal({ deleted: 500, more: true });
    expect(await chatOf(id)).to.deep.include({ retainedFrom: 501, messagesCount: 600 });
    expect(await retention.expire(id, clock.now)).to.deep.equal({ deleted: 500, more: true });
    expect(await retention.expire(id, clock.now)).to.deep.equal({ deleted: 100, more: false });
    expect(await chatOf(id)).to.deep.include({ retainedFrom: 1_101, retainedFromAt: null, messagesCount: 0 });
    expect(await retention.expire(id, clock.now)).to.deep.equal({ deleted: 0, more: false });
    await store(id, [0], 1_101);
    expect(await chatOf(id)).to.deep.include({ retainedFrom: 1_101, retainedFromAt: ago(0), messagesCount: 1 });
  });

  it("deletes what is stored late below the number where it continues", async () => {
    const { id } = await limited(30);
    await store(id, [40], 3);
    await expireAll();
    expect(await chatOf(id)).to.deep.include({ retainedFrom: 4, retainedFromAt: null });
    await store(id, [41, 41]);
    expect(await chatOf(id)).to.deep.include({ retainedFrom: 1, retainedFromAt: ago(41) });
    expect(await expireAll()).to.equal(2);
    expect(await left(id)).to.deep.equal([]);
    expect(await chatOf(id)).to.deep.include({ retainedFrom: 4, messagesCount: 0 });

    await store(id, [1], 5);
    await store(id, [42], 4);
    expect(await expireAll(), "before a message that is not over the limit").to.equal(1);
    expect(await left(id)).to.deep.equal([5]);
  });

  it("deletes a dead letter once it was retried", async () => {
    const chat = await limited(30);
    await test.batchStore.store([
      batch({ ...message(chat.id, 1, tooLong), createdAt: ago(40) }, { ...message(chat.id, 2), createdAt: ago(40) }),
    ]);
    expect(await expireAll()).to.equal(1);
    const letters = createDeadLetters(test.database);
    const { id } = (await letters.list({ limit: 10 })).items[0]!;
    await test.database.prisma.deadLetter.update({ where: { id }, data: { body: Buffer.from("short") } });
    expect(await letters.restore(id)).to.deep.equal({ restored: true });
    expect(await left(chat.id)).to.deep.equal([1]);
    expect(await expireAll()).to.equal(1);
    expect(await left(chat.id)).to.deep.equal([]);
  });

  it("misses no message that is stored while it deletes", async () => {
    const { id } = await limited(30);
    const numbers = Array.from({ length: 120 }, (_, at) => at + 1).sort((a, b) => ((a * 37) % 121) - ((b * 37) % 121));
    let isStoring = true;
    const storing = (async () => {
      for (const number of numbers) await store(id, [40], number);
      isStoring = false;
    })();
    let total = 0;
    const expiring = async () => {
      while (isStoring) {
        const { deleted } = await retention.expire(id, clock.now);
        total += deleted;
      }
    };
    await Promise.all([storing, expiring(), expiring()]);
    for (let more = true; more;) {
      const result = await retention.expire(id, clock.now);
      ({ more } = result);
      total += result.deleted;
    }
    expect(total).to.equal(120);
    expect(await left(id)).to.deep.equal([]);
    expect(await collect(verifyCounts(test.database))).to.deep.equal([]);
  });

  it("says by how much the oldest message is over its limit, and begins with the most overdue", async () => {
    expect(await retention.look(clock.now, 100)).to.deep.equal({ behindMs: 0, groups: [] });
    const [a, b, c] = [await limited(30), await limited(10), await limited(null)];
    await store(a.id, [31, 5]);
    await store(b.id, [14]);
    await store(c.id, [500]);
    await test.chats.change(c.token, c.number, { retentionDays: 498 });
    const { behindMs, groups } = await retention.look(clock.now, 2);
    expect(behindMs).to.equal(4 * dayMs);
    expect(groups.map(({ applicationId, ownDays }) => [applicationId, ownDays])).to.deep.equal([
      [b.applicationId, null],
      [c.applicationId, 498],
    ]);
    await expireAll();
    expect((await retention.look(clock.now, 2)).behindMs).to.equal(0);
  });

  it("finds all limits, however many share one", async () => {
    const { prisma } = test.database;
    const days = [7, 7, 7, 3, 900];
    const wanted = [];
    for (const own of days) {
      const { id, applicationId, token, number } = await test.newChat();
      await test.chats.change(token, number, { retentionDays: own });
      await store(id, [1_000]);
      wanted.push(`${applicationId} ${own}`);
    }
    const at = new Date();
    const tokens = Array.from({ length: 450 }, (_, n) => `${n}`.padStart(36, "0"));
    const times = { createdAt: at, updatedAt: at };
    await prisma.application.createMany({
      data: tokens.map((token, n) => ({ token, name: "n", retentionDays: n % 3 === 0 ? 7 : 8, ...times })),
    });
    const added = await prisma.application.findMany({ where: { token: { in: tokens } } });
    await prisma.chat.createMany({
      data: added.map(({ id }) => ({ applicationId: id, number: 1, retainedFromAt: ago(1_000), ...times })),
    });
    const { groups } = await retention.look(clock.now, 1_000);
    const found = groups.map(({ applicationId, ownDays }) => `${applicationId} ${ownDays}`);
    expect(found).to.have.members([...wanted, ...added.map(({ id }) => `${id} null`)]);
  });

  it("judges by the clock that is behind", async () => {
    const real = Date.now;
    try {
      Date.now = () => real() + 400 * dayMs;
      expect((await retention.time()).getTime()).to.be.below(real() + dayMs);
      Date.now = () => real() - 400 * dayMs;
      expect((await retention.time()).getTime()).to.be.below(real() - 399 * dayMs);
    } finally {
      Date.now = real;
    }
  });
});
