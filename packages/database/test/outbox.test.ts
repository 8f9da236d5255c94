import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { useForAll } from "@confab/testkit";
import { expect } from "chai";
import { createDatabase, createOutbox, type MessageRange, type StoredRange } from "@confab/database";
import { batch, message, openTestDatabase, rejection } from "./setup.ts";

describe("the search outbox", () => {
  let chatId: bigint;
  let number: number;

  const test = useForAll(openTestDatabase);
  beforeEach(async () => {
    ({ id: chatId } = await test.newChat());
    number = 0;
    await test.database.prisma.searchOutboxEntry.deleteMany();
  });

  /** Stores messages with a gap after each one, so that each is a separate range. */
  const store = (count: number) =>
    test.batchStore.store([batch(...Array.from({ length: count }, () => message(chatId, (number += 2))))]);
  const nothing = () => Promise.resolve();

  it("passes the oldest ranges first and removes handled ones", async () => {
    await store(5);
    expect(await test.outbox.depth()).to.equal(5);
    const handled: MessageRange[] = [];
    const count = await test.outbox.drain(3, (ranges) => {
      for (const { chatId, from, to } of ranges) handled.push({ chatId, from, to });
      return Promise.resolve();
    });
    expect(count).to.equal(3);
    expect(handled).to.deep.equal([2, 4, 6].map((at) => ({ chatId, from: at, to: at })));
    expect(await test.outbox.depth()).to.equal(2);
    expect(await test.outbox.drain(9, nothing)).to.equal(2);
    expect(await test.outbox.drain(9, nothing)).to.equal(0);
  });

  it("knows since when a message has been waiting, and which messages are not", async () => {
    const before = Date.now() - 1000;
    await store(2);
    expect((await test.outbox.waitingSince(chatId, 4))?.getTime()).to.be.within(before, Date.now() + 1000);
    expect(await test.outbox.waitingSince(chatId, 3)).to.equal(undefined);
    expect(await test.outbox.waitingSince(chatId + 1n, 4)).to.equal(undefined);
    await test.outbox.drain(9, nothing);
    expect(await test.outbox.waitingSince(chatId, 4)).to.equal(undefined);
  });

  it("keeps its session while the index takes longer than the server's idle timeout", async () => {
    await store(1);
    // Idle sessions end after 4 s on the client side and after 7 s on the server side.
    const database = createDatabase({ url: test.url, answerTimeoutMs: 4_000 });
    try {
      expect(await createOutbox(database).drain(9, () => sleep(8_000))).to.equal(1);
    } finally {
      await database.close();
    }
  }).timeout(20_000);

  it("lets applications take turns, and passes a few mebibytes at once", async () => {
    const loud = chatId;
    const large = Array.from({ length: 30 }, (_, index) => message(loud, 2 * index + 1, "x".repeat(65_000)));
    for (let place = 0; place < 10; place++) {
      const many = large.map((row) => ({ ...row, number: row.number + 100 * place, uid: randomBytes(16) }));
      await test.batchStore.store([batch(...many)]);
    }
    const quiet = await test.newChat();
    await test.batchStore.store([batch(message(quiet.id, 1, "short"))]);
    const first: StoredRange[] = [];
    await test.outbox.drain(200, (ranges) => Promise.resolve(void first.push(...ranges)));
    expect(first.filter((range) => range.chatId === quiet.id)).to.have.length(1);
    expect(first.reduce((total, { bytes }) => total + bytes, 0)).to.be.within(3_000_000, 4 * 1024 * 1024);
    let drained = first.length;
    for (let count = -1; count !== 0; drained += count) count = await test.outbox.drain(200, nothing);
    expect(drained).to.equal(301);
  });

  it("passes the message of a quiet application at once, beside the backlogs of many loud ones", async () => {
    for (let loud = 0; loud < 6; loud++) {
      const { id } = await test.newChat();
      const large = Array.from({ length: 32 }, (_, at) => message(id, at + 1, "x".repeat(65_000)));
      await test.batchStore.store([batch(...large)]);
    }
    const quiet = await test.newChat();
    await test.batchStore.store([batch(message(quiet.id, 1, "short"))]);
    const drains: StoredRange[][] = [];
    while ((await test.outbox.drain(200, (ranges) => Promise.resolve(void drains.push(ranges)))) > 0);
    expect(drains[0]!.map(({ chatId }) => chatId)).to.include(quiet.id);
    const oldest = drains.map(([first]) => first!.storedAt.getTime());
    expect(oldest, "and the oldest range each time").to.deep.equal(oldest.toSorted((a, b) => a - b));
  });

  it("keeps everything when handling fails", async () => {
    await store(3);
    const error = await rejection(test.outbox.drain(9, () => Promise.reject(new Error("search is unavailable"))));
    expect(error).to.have.property("message", "search is unavailable");
    expect(await test.outbox.depth()).to.equal(3);
  });

  it("returns how long the oldest range has been waiting", async () => {
    expect(await test.outbox.oldestAgeMs()).to.equal(0);
    await store(1);
    await sleep(60);
    await store(1);
    expect(await test.outbox.oldestAgeMs()).to.be.within(60, 5_000);
  });

  it("never passes one range to two drainers, and does not block writers", async () => {
    await store(10);
    const handled: number[] = [];
    const inside = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<undefined>();
    const slow = test.outbox.drain(6, async (ranges) => {
      handled.push(...ranges.map((range) => range.from));
      inside.resolve(undefined);
      await release.promise;
    });
    await inside.promise;
    const started = performance.now();
    await store(2);
    expect(performance.now() - started).to.be.lessThan(10_000);
    const other = await test.outbox.drain(99, (ranges) => {
      handled.push(...ranges.map((range) => range.from));
      return Promise.resolve();
    });
    expect(other).to.equal(6);
    release.resolve(undefined);
    expect(await slow).to.equal(6);
    expect(handled.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 12 }, (_, i) => 2 * (i + 1)));
    expect(await test.outbox.depth()).to.equal(0);
  });

  it("is emptied exactly once by many drainers while it is filled", async () => {
    const handled: number[] = [];
    let writing = true;
    const drainers = Array.from({ length: 4 }, async () => {
      while (writing || (await test.outbox.depth()) > 0) {
        await test.outbox.drain(3, async (ranges) => {
          await sleep(Math.random() * 4);
          handled.push(...ranges.map((range) => range.from));
        });
      }
    });
    for (let i = 0; i < 15; i += 1) await store(4);
    writing = false;
    await Promise.all(drainers);
    expect(handled.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 60 }, (_, i) => 2 * (i + 1)));
  });
});
