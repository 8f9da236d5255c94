import { encodeJson, toJsonText } from "@confab/contracts";
import { randomBytes } from "node:crypto";
import { expect } from "chai";
import { createErasureWork } from "@confab/database";
import { batch, message } from "./setup.ts";
import { useChat } from "./use-chat.ts";

describe("storing messages that are refused or damaged", () => {
  const { test, chat, count } = useChat();

  it("reports a number that belongs to a dead letter, also for a repeated delivery, and keeps each dead letter once", async () => {
    const tooLong = "x".repeat(65_536);
    const early = batch(message(chat.id, 1, tooLong));
    await test.batchStore.store([early]);
    const late = message(chat.id, 1, `${tooLong}y`);
    const delivery = batch(late);
    for (const expected of [0, 1]) {
      const { conflicts, knownBatches } = await test.batchStore.store([delivery]);
      expect(conflicts.map(({ uid }) => uid)).to.deep.equal([late.uid]);
      expect(knownBatches).to.equal(expected);
    }
    const moved = { ...late, number: 2 };
    const { refused } = await test.batchStore.store([batch(moved)]);
    expect(refused).to.have.length(1);
    await test.batchStore.store([early, batch(moved)]);
    const letters = await test.database.prisma.deadLetter.findMany({
      where: { chatId: chat.id },
      orderBy: { number: "asc" },
    });
    expect(letters.map(({ number, token: owner, chatNumber }) => [number, owner, chatNumber])).to.deep.equal([
      [1, chat.token, 1],
      [2, chat.token, 1],
    ]);
  });

  it("reports a message whose chat has a different id now, so that it is renumbered there", async () => {
    const chat = await test.newChat();
    const addressed = { ...message(chat.id, 1), chatId: chat.id + 1_000_000n };
    expect(await test.batchStore.store([batch(addressed)])).to.deep.include({ stored: 0, conflicts: [addressed] });
  });

  it("keeps a damaged message as a dead letter if its chat has another id or does not exist, and gives it no number", async () => {
    const damaged = [
      { ...message(chat.id, 1), chatId: chat.id + 1_000n, damaged: true },
      { ...message(chat.id, 2), chat: 1_000, damaged: true },
    ];
    const { conflicts, refused } = await test.batchStore.store([batch(...damaged)]);
    expect(conflicts).to.deep.equal([]);
    expect(refused.map(({ number, reason }) => [number, reason.split(":")[0]])).to.deep.equal([
      [1, "Redis returned a damaged message"],
      [2, "Redis returned a damaged message"],
    ]);
  });

  it("dead-letters exactly the refused rows, with the server's reason, and stores the others", async () => {
    const tooLong = "x".repeat(65_536);
    const bad = new Set([3, 4, 40, 77]);
    const rows = Array.from({ length: 80 }, (_, i) => message(chat.id, i + 1, bad.has(i + 1) ? tooLong : "fits"));
    const delivery = batch(...rows.map((row) => ({ ...row, requestId: "request-1" })));
    const result = await test.batchStore.store([delivery]);
    expect(result.stored).to.equal(76);
    expect(result.refused.map((row) => row.number)).to.deep.equal([...bad]);
    expect(result.refused[0]?.reason).to.contain("body");
    expect(await test.numbersOf(chat.id)).to.deep.equal(
      rows.map((row) => row.number).filter((number) => !bad.has(number)),
    );
    expect(await count()).to.equal(76);
    const letters = await test.deadLetters.list({ limit: 100 });
    const mine = letters.items.filter((letter) => letter.chatId === chat.id);
    expect(mine.map((letter) => letter.number)).to.deep.equal([...bad]);
    expect(mine[0]).to.include({ requestId: "request-1", reason: result.refused[0]?.reason });
    expect(Buffer.from(mine[0]?.body ?? []).toString()).to.equal(tooLong);
    await test.batchStore.store([{ ...delivery, id: randomBytes(16) }]);
    expect((await test.deadLetters.list({ limit: 100 })).items).to.have.lengthOf(letters.items.length);
  });

  it("does not restore a dead letter with a field of a newer version, and finds it for the erasure of its sender", async () => {
    await test.batchStore.store([batch(message(chat.id, 1, "x".repeat(65_536)))]);
    const letter = (await test.deadLetters.findByNumber(chat.id, 1))!;
    const newer = JSON.stringify({ sender: "anna", reaction: "x" });
    await test.database.prisma.deadLetter.update({ where: { id: letter.id }, data: { otherFields: newer } });
    expect(await test.deadLetters.restore(letter.id))
      .to.have.property("reason")
      .that.includes("reaction");
    const anna = { token: letter.token, sender: "anna", epoch: 9 };
    const { ids } = await createErasureWork(test.database).lettersOf(anna, 0n, 1_000);
    expect(ids).to.deep.equal([letter.id]);
  });

  it("keeps every field of a dead letter, and restores it", async () => {
    const content = { sender: "user-17", reply_to: 1, metadata: toJsonText({ a: 1 }) };
    const { refused } = await test.batchStore.store([
      batch({ ...message(chat.id, 1, "x".repeat(65_536)), ...content }),
    ]);
    expect(refused).to.have.lengthOf(1);
    const { items } = await test.deadLetters.list({ limit: 1_000 });
    const letter = items.find((each) => each.chatId === chat.id)!;
    expect(letter.otherFields).to.equal(encodeJson(content));
    await test.database.prisma.deadLetter.update({ where: { id: letter.id }, data: { body: Buffer.from("shorter") } });
    expect(await test.deadLetters.restore(letter.id)).to.deep.equal({ restored: true });
    expect(await test.messages.find(chat.id, 1)).to.deep.include({ body: "shorter", ...content });
  });
});
