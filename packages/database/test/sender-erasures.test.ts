import { randomUUID } from "node:crypto";
import { useForAll } from "@confab/testkit";
import { createErasures, createErasureWork, createHorizons, maxOpenErasures, TooManyErasures } from "@confab/database";
import { expect } from "chai";
import { setTimeout as pause } from "node:timers/promises";
import { tooLong, batch, message, openTestDatabase, rejection } from "./setup.ts";

describe("the erasure of a sender", () => {
  const test = useForAll(openTestDatabase);
  const erasures = useForAll(() => createErasures(test.database));
  const work = useForAll(() => createErasureWork(test.database));

  it("begins a new epoch of its application with each request", async () => {
    const [mine, theirs] = [await test.newChat(), await test.newChat()];
    const first = (await erasures.eraseSender(mine.token, "anna", { epochInRedis: 0 }))!;
    expect(first.epoch).to.be.above(0);
    expect(first.replayed).to.equal(false);
    const second = (await erasures.eraseSender(mine.token, "ben", { epochInRedis: 0 }))!;
    expect(second.epoch).to.be.above(first.epoch);
    expect(await test.chats.locate(mine.token, mine.number)).to.include({ epoch: second.epoch });
    expect(await test.chats.locate(theirs.token, theirs.number)).to.include({ epoch: 0 });
    expect(await erasures.eraseSender(randomUUID(), "anna", { epochInRedis: 0 })).to.equal(undefined);
  });

  it("names the sender nowhere once it is finished, and is still found by it", async () => {
    const { token } = await test.newChat();
    const sender = `anna-${randomUUID()}`;
    const { id, epoch } = (await erasures.eraseSender(token, sender, { epochInRedis: 0 }))!;
    const other = (await erasures.eraseSender(token, "ben", { epochInRedis: 0 }))!;
    const erasure = (await erasures.findSender(token, sender))!;
    // Two workers may both finish the erasure.
    await work.finish(erasure);
    await work.finish(erasure);
    const columns = await test.database.prisma.$queryRaw<{ name: string; column: string }[]>`
      SELECT TABLE_NAME AS name, COLUMN_NAME AS \`column\` FROM information_schema.COLUMNS
       WHERE TABLE_SCHEMA = DATABASE()`;
    const naming: string[] = [];
    for (const { name, column } of columns) {
      const rows = await test.database.query<object[]>(
        `SELECT 1 FROM \`${name}\` WHERE INSTR(\`${column}\`, ?) > 0`,
        sender,
      );
      if (rows.length > 0) naming.push(`${name}.${column}`);
    }
    expect(naming).to.deep.equal([]);
    expect(await erasures.findSender(token, sender)).to.include({ id, epoch, sender: null });
    expect(await erasures.findSender(token, "ben")).to.include({ id: other.id, sender: "ben" });
    expect(await erasures.find(token), "it is no deletion of the application").to.equal(undefined);
    expect((await erasures.eraseSender(token, sender, { epochInRedis: 0 }))!.id).not.to.equal(id);
  });

  it("begins an epoch that no request had before MySQL lost it", async () => {
    const { token } = await test.newChat();
    let lost = 0;
    // Sends several requests per second.
    for (let at = 0; at < 20; at++) lost = (await erasures.eraseSender(token, "anna", { epochInRedis: 0 }))!.epoch;
    await test.database.query("UPDATE applications SET epoch = 0 WHERE token = ?", token);
    await pause(5);
    expect((await erasures.eraseSender(token, "anna", { epochInRedis: 0 }))!.epoch).to.be.above(lost);
  });

  it("begins an epoch above that of Redis, and gives earlier requests no other epoch", async () => {
    const { token } = await test.newChat();
    const first = (await erasures.eraseSender(token, "anna", { epochInRedis: 0 }))!;
    const epochInRedis = first.epoch + 3_600_000;
    const second = (await erasures.eraseSender(token, "ben", { epochInRedis }))!;
    expect(second.epoch).to.equal(epochInRedis + 1);
    expect(await test.chats.locate(token, 1)).to.include({ epoch: epochInRedis + 1 });
    const { epoch } = await test.database.prisma.erasure.findUniqueOrThrow({ where: { id: first.id } });
    expect(epoch).to.equal(first.epoch);
    expect((await erasures.eraseSender(token, "anna", { epochInRedis }))!.epoch).to.equal(epochInRedis + 2);
  });

  it("finds messages and horizons of earlier epochs, whatever the clocks say, and no later ones", async () => {
    const { id: chatId, token } = await test.newChat();
    const reads = createHorizons(test.database);
    const at = (hours: number) => new Date(Date.now() + hours * 3_600_000);
    const of = (number: number, createdAt: Date, epoch?: number) => ({
      ...message(chatId, number),
      sender: "anna",
      createdAt,
      ...(epoch !== undefined && { epoch }),
    });
    const later = 2_000_000_000_000;
    const damaged = { ...of(5, at(1)), damaged: true };
    await test.batchStore.store([batch(of(1, at(1)), of(2, at(-1)), of(3, at(-1), later), damaged)]);
    await reads.advance(chatId, "anna", 2);
    const request = (await erasures.eraseSender(token, "anna", { epochInRedis: 0 }))!;
    const found = await work.messagesOf(request, [{ chatId, from: 1, to: 10 }]);
    expect(found.map(({ number }) => number)).to.deep.equal([1, 2]);
    expect((await work.lettersOf(request, 0n, 10)).ids).to.have.length(1);
    expect(await reads.advance(chatId, "anna", 1), "confirmed after the request").to.include({ number: 3 });
    expect(await work.deleteHorizons(request, [chatId])).to.equal(0);
    expect(await work.deleteHorizons({ ...request, epoch: later + 1 }, [chatId])).to.equal(1);
  });

  it("keeps the epoch of a dead letter that is stored at last", async () => {
    const { id: chatId, token } = await test.newChat();
    const of = (number: number) => ({ ...message(chatId, number, tooLong), sender: "anna" });
    await test.batchStore.store([batch(of(1), { ...of(2), epoch: 1 })]);
    await erasures.eraseSender(token, "anna", { epochInRedis: 0 });
    await test.database.prisma.deadLetter.updateMany({ data: { body: Buffer.from("short") } });
    for (const { id } of (await test.deadLetters.list({ limit: 10 })).items) await test.deadLetters.restore(id);
    const found = await work.messagesOf({ sender: "anna", epoch: 1 }, [{ chatId, from: 1, to: 2 }]);
    expect(found.map(({ number }) => number)).to.deep.equal([1]);
  });

  it("removes the text of damaged letters that may be its sender's, and of no other letter", async () => {
    const [mine, theirs] = [await test.newChat(), await test.newChat()];
    const damaged = (chatId: bigint, number: number, epoch?: number) => ({
      ...message(chatId, number),
      body: `damaged ${number}`,
      damaged: true,
      ...(epoch !== undefined && { epoch }),
    });
    const nobodys = { ...damaged(mine.id, 3), token: "", chat: 0, chatId: 0n };
    const refused = message(mine.id, 4, "x".repeat(65_536));
    await test.batchStore.store([
      batch(damaged(mine.id, 1), damaged(mine.id, 2, 2_000_000_000_000), nobodys, refused),
      batch(damaged(theirs.id, 5)),
    ]);
    const textsOf = async () => {
      const letters = await test.database.prisma.deadLetter.findMany({ where: { number: { gt: 0 } } });
      const texts = letters.map(({ number, body }) => [number, Buffer.from(body).toString().slice(0, 9)] as const);
      return Object.fromEntries(texts.filter(([, text]) => /^(|dam.*|xxx.*)$/.test(text)));
    };
    const request = (await erasures.eraseSender(mine.token, "anna", { epochInRedis: 0 }))!;
    expect(await work.clearLetters(request)).to.equal(2);
    expect(await work.clearLetters(request)).to.equal(0);
    const kept = { 2: "damaged 2", 4: "xxxxxxxxx", 5: "damaged 5" };
    expect(await textsOf()).to.deep.equal({ ...kept, 1: "", 3: "" });

    await test.batchStore.store([batch({ ...nobodys, ...damaged(mine.id, 6), token: "", chat: 0, chatId: 0n })]);
    const erasure = (await erasures.eraseChat(theirs.token, theirs.number))!;
    while ((await work.deleteLetters(erasure)) > 0);
    expect(await textsOf(), "its own letter is deleted").to.deep.equal({
      1: "",
      2: kept[2],
      3: "",
      4: kept[4],
      6: "",
    });
  });

  it("extends an open erasure that no worker has begun, and follows one that a worker has begun", async () => {
    const { token } = await test.newChat();
    const first = (await erasures.eraseSender(token, "anna", { epochInRedis: 0 }))!;
    await work.noteMarked(first);
    const second = (await erasures.eraseSender(token, "anna", { epochInRedis: 0 }))!;
    expect(second.id).to.equal(first.id);
    expect(second.epoch).to.be.above(first.epoch);
    await work.noteMarked(first);
    expect(
      (await work.unmarked(100)).map(({ id }) => id),
      "its mark is set again",
    ).to.include(first.id);
    expect(await work.claim(first.id, 0)).to.include({ epoch: second.epoch, sender: "anna" });
    const third = (await erasures.eraseSender(token, "anna", { epochInRedis: 0 }))!;
    expect(third.id > first.id).to.equal(true);
    const fourth = (await erasures.eraseSender(token, "anna", { epochInRedis: 0 }))!;
    expect(fourth.id).to.equal(third.id);
    expect(fourth.epoch).to.be.above(third.epoch);
  });

  it("is refused while the application has too many that are open", async () => {
    const { token } = await test.newChat();
    for (let open = 0; open < maxOpenErasures; open++)
      await erasures.eraseSender(token, `sender ${open}`, { epochInRedis: 0 });
    const before = await test.chats.locate(token, 1);
    expect(await rejection(erasures.eraseSender(token, "one more", { epochInRedis: 0 }))).to.be.instanceOf(
      TooManyErasures,
    );
    expect(await test.chats.locate(token, 1), "the refused request began no epoch").to.deep.equal(before);
    expect(await erasures.eraseSender(token, "sender 7", { epochInRedis: 0 }), "extends one").to.include({
      sender: "sender 7",
    });
    expect(await erasures.eraseChat(token, 1)).to.not.equal(undefined);
  });

  it("is recorded once per idempotency key", async () => {
    const { token } = await test.newChat();
    const idempotency = { key: "k", requestHash: Buffer.alloc(32, 1) };
    const first = (await erasures.eraseSender(token, "anna", { epochInRedis: 0, idempotency }))!;
    const { epoch } = (await erasures.eraseSender(token, "anna", { epochInRedis: 0 }))!;
    const again = (await erasures.eraseSender(token, "anna", { epochInRedis: 0, idempotency }))!;
    expect(again).to.include({ id: first.id, replayed: true });
    expect(again.requestedAt, "the answer is the first one").to.deep.equal(first.requestedAt);
    expect(await test.chats.locate(token, 1), "it began no epoch").to.include({ epoch });
    const other = { key: "k", requestHash: Buffer.alloc(32, 2) };
    for (const request of [
      () => erasures.eraseSender(token, "ben", { epochInRedis: 0, idempotency: other }),
      () => test.chats.create({ token, idempotency: other }),
    ])
      expect(await rejection(request())).to.have.property("name", "IdempotencyConflict");
  });
});
