import { expect } from "chai";
import fc from "fast-check";
import { createErasures, createRetention, type Horizons } from "@confab/database";
import { tooLong, batch, message, remember } from "./setup.ts";
import { useHorizons } from "./use-horizons.ts";

/** Number of random chat histories. More histories take longer, but find no other kinds of mistakes. */
const historyCount = Number(process.env.CONFAB_READ_HISTORIES ?? 300);
const readers = ["anna", "Анна", "never"];

describe("read horizons", () => {
  const { test, horizons, changes, recount } = useHorizons();

  const dropLetter = async (chatId: bigint, number: number) => {
    const letter = await test.deadLetters.findByNumber(chatId, number);
    expect(await test.deadLetters.remove(letter!.id)).to.equal(true);
  };
  const restoreLetter = async (chatId: bigint, number: number) => {
    const { id } = (await test.deadLetters.findByNumber(chatId, number))!;
    await test.database.prisma.deadLetter.update({ where: { id }, data: { body: Buffer.from("short") } });
    expect(await test.deadLetters.restore(id)).to.deep.equal({ restored: true });
  };

  it("move forward only, and keep their time if they do not move", async () => {
    const { id } = await test.newChat();
    expect(await horizons.find(id, "anna")).to.equal(undefined);
    const { hasMoved, ...first } = (await horizons.advance(id, "anna", 5))!;
    expect({ ...first, hasMoved }).to.include({ chatId: id, reader: "anna", number: 5, hasMoved: true });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await horizons.advance(id, "anna", 3)).to.deep.equal({ ...first, hasMoved: false });
    expect(await horizons.advance(id, "anna", 5)).to.deep.equal({ ...first, hasMoved: false });
    const { hasMoved: hasMovedAgain, ...later } = (await horizons.advance(id, "anna", 6))!;
    expect(hasMovedAgain).to.equal(true);
    expect(later.number).to.equal(6);
    expect(later.updatedAt.getTime()).to.be.above(first.updatedAt.getTime());
    expect(await horizons.find(id, "anna")).to.deep.equal(later);
    expect(await horizons.advance(id, "Anna", 1), "another reader").to.include({ number: 1 });
  });

  it("are not written into a deleted chat", async () => {
    const { id, token, number } = await test.newChat();
    await createErasures(test.database).eraseChat(token, number);
    expect(await horizons.advance(id, "anna", 1)).to.equal(undefined);
    expect(await horizons.find(id, "anna")).to.equal(undefined);
  });

  it("end at the highest number when many are set at once, and no answer is below its request", async () => {
    const { id } = await test.newChat();
    const numbers = fc.sample(fc.integer({ min: 1, max: 1_000 }), { numRuns: 80, seed: 3 });
    const answers = await Promise.all(numbers.map((number) => horizons.advance(id, "anna", number)));
    for (const [at, answer] of answers.entries()) expect(answer?.number).to.be.at.least(numbers[at]!);
    expect((await horizons.find(id, "anna"))?.number).to.equal(Math.max(...numbers));
  });

  it("are listed by reader, each once, page by page", async () => {
    const { id } = await test.newChat();
    const readers = ["a", "a/b", "ä", "b", "b%", "👩", "x".repeat(256), "Z", "\ud83d\udc69".repeat(256)];
    for (const reader of readers) await horizons.advance(id, reader, reader.length);
    const shown: string[] = [];
    for (let after: string | undefined, pages = 0; pages === 0 || after !== undefined; pages += 1) {
      const page = await horizons.list(id, { after, limit: 2 });
      expect(page.items.length).to.be.within(1, 2);
      for (const { reader, number } of page.items) expect(number).to.equal(reader.length);
      shown.push(...page.items.map(({ reader }) => reader));
      after = page.next;
    }
    const byBytes = readers.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(shown).to.deep.equal(byBytes);
  });

  it("count nothing for numbers whose message was deleted, is a dead letter or was dropped", async () => {
    const { id, token } = await test.newChat();
    const bodies = ["one", "two", tooLong, "four", tooLong, "six", tooLong];
    await test.batchStore.store([batch(...bodies.map((body, at) => message(id, at + 1, body)))]);
    const counts = () => Promise.all([0, 1, 2, 4, 6, 7, 9].map((horizon) => horizons.unread(id, horizon, 7)));
    expect(await counts()).to.deep.equal([4, 3, 2, 1, 0, 0, 0]);
    await changes.remove({ chatId: id, number: 4 });
    expect(await counts()).to.deep.equal([3, 2, 1, 1, 0, 0, 0]);
    await dropLetter(id, 7);
    await restoreLetter(id, 5);
    expect(await counts()).to.deep.equal([4, 3, 2, 2, 0, 0, 0]);
    expect(await horizons.unread(id, 0, 9), "two pending messages").to.equal(6);
    expect(await horizons.unread(id, 0, 3), "an older last number").to.equal(2);
    // A number that was acknowledged is never given to another message.
    expect((await test.chats.locate(token, 1))?.lastNumber).to.equal(7);
  });

  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("send" as const),
        bodies: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("delete" as const), at: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("edit" as const), at: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("drop" as const, "restore" as const), at: fc.nat() }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("read" as const),
        at: fc.nat(),
        reader: fc.constantFrom("anna", "Анна"),
      }),
    },
  );
  type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

  /** Plays a history in a chat. Returns the horizons that follow from it, and the last number. */
  async function play(chatId: bigint, history: readonly Step[]) {
    const [reached, letters] = [new Map<string, number>(), new Set<number>()];
    let last = 0;
    for (const one of history) {
      if (one.kind === "send") {
        const sent = one.bodies.map((fits, at) => message(chatId, last + 1 + at, fits ? "hello" : tooLong));
        // Ensures that at least a third of the bodies fit.
        const kept = sent.map((each, at) => (at % 3 === 0 ? { ...each, body: "hello" } : each));
        await test.batchStore.store([batch(...kept)]);
        for (const { number, body } of kept) if (body === tooLong) letters.add(number);
        last += sent.length;
        continue;
      }
      if (last === 0) continue;
      const number = (one.at % last) + 1;
      if (one.kind === "delete") await changes.remove({ chatId, number });
      else if (one.kind === "edit") await changes.edit({ chatId, number }, { body: `edited ${one.at}` });
      else if (one.kind === "read") {
        const { reader } = one;
        const expected = Math.max(number, reached.get(reader) ?? 0);
        expect(await horizons.advance(chatId, reader, number)).to.include({ number: expected });
        reached.set(reader, expected);
      } else {
        const letter = [...letters][one.at % letters.size];
        if (letter === undefined) continue;
        letters.delete(letter);
        await (one.kind === "drop" ? dropLetter : restoreLetter)(chatId, letter);
      }
    }
    return { reached, last };
  }

  it("have exact unread counts while retention deletes, and when an old message is stored late", async () => {
    const chat = await test.newChat();
    const { id } = chat;
    const day = 86_400_000;
    const old = (number: number) => ({ ...message(id, number), createdAt: new Date(Date.now() - 10 * day) });
    await test.batchStore.store([batch(old(1), old(2), old(4), message(id, 5), message(id, 6))]);
    await changes.remove({ chatId: id, number: 6 });
    await test.database.prisma.chat.update({ where: { id }, data: { retentionDays: 5 } });
    const counts = () => Promise.all([0, 1, 3, 4, 5, 6].map((horizon) => horizons.unread(id, horizon, 6)));
    expect(await counts(), "with number 3 as a pending message").to.deep.equal([5, 4, 2, 1, 0, 0]);
    await createRetention(test.database).expire(id, new Date());
    expect(await counts()).to.deep.equal([1, 1, 1, 1, 0, 0]);
    await test.batchStore.store([batch(old(3))]);
    expect(await counts(), "stored below what retention left").to.deep.equal([2, 2, 1, 1, 0, 0]);
  });

  it(`have the unread counts of a recount after each of ${historyCount} random histories`, async function () {
    this.timeout(60_000 + historyCount * 500);
    const began = performance.now();
    const { token } = await test.newChat();
    const sampled = fc.sample(fc.array(step, { minLength: 1, maxLength: 14 }), {
      numRuns: historyCount,
      seed: 20_261_126,
    });
    const expected = new Map(readers.map((reader) => [reader, new Map<number, [horizon: number, unread: number]>()]));
    let compared = 0;
    const playNext = async (): Promise<void> => {
      for (let history = sampled.pop(); history !== undefined; history = sampled.pop()) {
        const chat = (await test.chats.create({ token }))!;
        remember(token, chat);
        const { reached, last } = await play(chat.id, history);
        for (const reader of readers) {
          const horizon = reached.get(reader) ?? 0;
          const unread = await recount(chat.id, horizon);
          const what = JSON.stringify({ history, reader, horizon });
          expect(await horizons.unread(chat.id, horizon, last), what).to.equal(unread);
          compared += 1;
          if (unread > 0) expected.get(reader)!.set(chat.number, [horizon, unread]);
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, playNext));

    for (const reader of readers) {
      const shown = new Map<number, [number, number]>();
      const times: number[] = [];
      for (
        let after: Parameters<Horizons["unreadChats"]>[2]["after"], isFirst = true;
        isFirst || after;
        isFirst = false
      ) {
        const page = (await horizons.unreadChats(token, reader, { after, limit: 37 }))!;
        for (const { number, horizon, unread, lastMessageAt } of page.items) {
          expect(shown.has(number)).to.equal(false);
          shown.set(number, [horizon, unread]);
          times.push(lastMessageAt.getTime());
        }
        after = page.next;
      }
      expect(shown, reader).to.deep.equal(expected.get(reader));
      expect(times).to.deep.equal(times.toSorted((a, b) => b - a));
    }
    if (process.env.CONFAB_SHOW_FIGURES !== undefined) {
      const seconds = ((performance.now() - began) / 1_000).toFixed(1);
      process.stdout.write(`${historyCount} histories, ${compared} unread counts and recounts in ${seconds} s\n`);
    }
  });
});
