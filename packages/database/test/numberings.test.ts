import { useForAll } from "@confab/testkit";
import { createNumberings, createHorizons, NumberingOutdated } from "@confab/database";
import { expect } from "chai";
import { setTimeout as pause } from "node:timers/promises";
import { batch, message, openTestDatabase } from "./setup.ts";

describe("numberings", () => {
  const test = useForAll(openTestDatabase);

  const store = (chatId: bigint, number: number, numbering: number, from: number) =>
    test.batchStore.store([{ ...batch(message(chatId, number)), numberings: [{ chatId, numbering, from }] }]);

  it("give each incarnation of Redis an ordinal, once, in the order of their registration", async () => {
    const processes = Array.from({ length: 3 }, () => createNumberings(test.database));
    const first = await Promise.all(processes.map(({ ordinalOf }) => ordinalOf("a")));
    const second = await Promise.all(processes.map(({ ordinalOf }) => ordinalOf("B")));
    const third = await processes[0]!.ordinalOf("b");
    expect(new Set(first).size).to.equal(1);
    expect(new Set(second).size).to.equal(1);
    expect(second[0]).to.be.above(first[0]!);
    expect(third).to.be.above(second[0]!);
    expect(await processes[2]!.ordinalOf("a")).to.equal(first[0]);
  });

  it("have ordinals that are not given again after MySQL lost them", async () => {
    const lose = () => test.database.query("DELETE FROM incarnations");
    await lose();
    const lost = await createNumberings(test.database).ordinalOf("lost");
    await lose();
    await pause(1_100);
    expect(await createNumberings(test.database).ordinalOf("after it")).to.be.above(lost);
  });

  it("ask again after a failure", async () => {
    let isDown = true;
    const { ordinalOf } = createNumberings({
      query: (...args) => (isDown ? Promise.reject(new Error("down")) : test.database.query(...args)),
    });
    expect(await ordinalOf("c").catch((error: unknown) => error)).to.be.instanceOf(Error);
    isDown = false;
    expect(await ordinalOf("c")).to.be.above(0);
  });

  it("are stored with the messages, each with its lowest number, and are found after an earlier one", async () => {
    const { firstAfter } = createNumberings(test.database);
    const { id } = await test.newChat();
    expect(await firstAfter(id, 0)).to.equal(undefined);
    await store(id, 5, 3, 5);
    await store(id, 4, 3, 4);
    await store(id, 9, 4, 9);
    await store(id, 10, 4, 10);
    expect(await firstAfter(id, 0)).to.deep.equal({ from: 4, numbering: 4 });
    expect(await firstAfter(id, 3)).to.deep.equal({ from: 9, numbering: 4 });
    expect(await firstAfter(id, 4)).to.equal(undefined);
    expect((await test.chats.lastNumbers([id])).get(id)?.lastNumbering).to.equal(4);
  });

  it("are written once per process, however many batches name them", async () => {
    const { firstAfter } = createNumberings(test.database);
    const { id } = await test.newChat();
    await store(id, 4, 3, 4);
    await test.database.query("DELETE FROM chat_numberings WHERE chat_id = ?", id);
    await store(id, 5, 3, 4);
    expect(await firstAfter(id, 0)).to.equal(undefined);
    await store(id, 3, 3, 3);
    expect(await firstAfter(id, 0), "a lower number").to.deep.equal({ from: 3, numbering: 3 });
    await store(id, 6, 4, 6);
    expect(await firstAfter(id, 3), "another numbering").to.deep.equal({ from: 6, numbering: 4 });
  });

  it("take back the horizons that were set before them, once", async () => {
    const reads = createHorizons(test.database);
    const { id } = await test.newChat();
    await reads.advance(id, "ahead", 8, { numbering: 1, since: 1 });
    await reads.advance(id, "behind", 3, { numbering: 1, since: 1 });
    await reads.advance(id, "early", 5, { numbering: 2, since: 4 });
    await store(id, 4, 2, 4);
    const numberOf = async (reader: string) => (await reads.find(id, reader))?.number;
    expect(await Promise.all(["ahead", "behind", "early"].map(numberOf))).to.deep.equal([3, 3, 5]);
    await reads.advance(id, "ahead", 4);
    await store(id, 5, 2, 4);
    expect(await numberOf("ahead"), "it was stored before").to.equal(4);
  });

  it("replace a horizon of lost messages when it is set again", async () => {
    const reads = createHorizons(test.database);
    const { id } = await test.newChat();
    await reads.advance(id, "anna", 8, { numbering: 1, since: 1 });
    expect(await reads.advance(id, "anna", 5, { numbering: 2, since: 4 })).to.include({ number: 5, hasMoved: true });
    expect(await reads.advance(id, "anna", 4, { numbering: 2, since: 4 })).to.include({ number: 5, hasMoved: false });
    const late = reads.advance(id, "anna", 9, { numbering: 1, since: 1 });
    expect(await late.catch((error: unknown) => error)).to.be.instanceOf(NumberingOutdated);
    expect(await reads.find(id, "anna")).to.include({ number: 5, numbering: 2 });
  });
});
