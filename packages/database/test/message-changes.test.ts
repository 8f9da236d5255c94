import { expect } from "chai";
import fc from "fast-check";
import { createMessageChanges, verifyCounts, type ChangeOutcome, type MessageChanges } from "@confab/database";
import { batch, message, openTestDatabase, type TestDatabase } from "./setup.ts";

describe("changes of messages", () => {
  let test: TestDatabase;
  let changes: MessageChanges;
  let chatId: bigint;
  before(async () => {
    test = await openTestDatabase();
    changes = createMessageChanges(test.database);
  });
  after(() => test.close());
  beforeEach(async () => {
    ({ id: chatId } = await test.newChat());
    await test.batchStore.store([batch(...[1, 2, 3, 4, 5].map((number) => message(chatId, number)))]);
    await test.outbox.drain(1_000, () => Promise.resolve());
  });

  const chat = () => test.database.prisma.chat.findUniqueOrThrow({ where: { id: chatId } });
  const changed = (outcome: ChangeOutcome) => {
    expect(outcome.outcome).to.equal("changed");
    return "message" in outcome ? outcome.message : undefined;
  };
  const waiting = async () => {
    const ranges: number[] = [];
    await test.outbox.drain(1_000, (all) => {
      ranges.push(...all.filter((range) => range.chatId === chatId).map(({ from }) => from));
      return Promise.resolve();
    });
    return ranges;
  };

  it("replace the given fields, keep what they replaced, and reach the outbox", async () => {
    const first = changed(await changes.edit({ chatId, number: 2 }, { body: "edited" }))!;
    expect(first).to.include({ body: "edited", version: 2, changeNumber: 1 });
    expect(first.editedAt).to.be.instanceOf(Date);
    const second = changed(await changes.edit({ chatId, number: 2 }, { metadata: { z: 1, a: 2 } }))!;
    expect(second).to.deep.include({ body: "edited", metadata: { z: 1, a: 2 }, version: 3, changeNumber: 2 });
    expect(await changes.versions(chatId, 2)).to.deep.equal([
      { version: 1, body: "message 2", metadata: null, createdAt: first.createdAt },
      { version: 2, body: "edited", metadata: null, createdAt: first.updatedAt },
    ]);
    expect(await waiting()).to.deep.equal([2, 2]);
    expect(await chat()).to.include({ messagesCount: 5, lastChangeNumber: 2 });
  });

  it("take no number if nothing changes", async () => {
    changed(await changes.edit({ chatId, number: 1 }, { body: "new", metadata: { a: 1 } }));
    const again = await changes.edit({ chatId, number: 1 }, { body: "new", metadata: { a: 1 } });
    expect(again).to.have.nested.property("message.version", 2);
    expect(again.outcome).to.equal("unchanged");
    expect((await changes.edit({ chatId, number: 1 }, {})).outcome).to.equal("unchanged");
    expect((await chat()).lastChangeNumber).to.equal(1);
  });

  it("leave a tombstone without content and versions, which counts no more and cannot be changed", async () => {
    const full = { ...message(chatId, 6), sender: "anna", metadata: { a: 1 }, reply_to: 2 };
    await test.batchStore.store([batch(full)]);
    changed(await changes.edit({ chatId, number: 6 }, { body: "secret" }));
    const tombstone = changed(await changes.remove({ chatId, number: 6 }))!;
    expect(tombstone).to.deep.include({ body: "", metadata: null, sender: "anna", reply_to: 2, version: 3 });
    expect(tombstone.deletedAt).to.be.instanceOf(Date);
    expect(await changes.versions(chatId, 6)).to.deep.equal([]);
    expect(await chat()).to.include({ messagesCount: 5, lastMessageNumber: 6, lastChangeNumber: 2 });
    expect((await changes.edit({ chatId, number: 6 }, { body: "x" })).outcome).to.equal("deleted");
    expect((await changes.remove({ chatId, number: 6 })).outcome).to.equal("deleted");
    expect((await chat()).lastChangeNumber).to.equal(2);
    for await (const difference of verifyCounts(test.database)) expect.fail(JSON.stringify(difference));
    // A late second delivery of the batch must not bring it back.
    await test.batchStore.store([batch(full)]);
    expect(await test.messages.find(chatId, 6)).to.include({ body: "", version: 3 });
    expect((await chat()).messagesCount).to.equal(5);
  });

  it("are refused for another version, and for messages that are not stored", async () => {
    const outcomeOf = async (number: number, versions?: number[]) =>
      (await changes.edit({ chatId, number, versions }, { body: "new" })).outcome;
    expect(await outcomeOf(9)).to.equal("missing");
    expect(await outcomeOf(1, [2])).to.equal("other-version");
    expect(await outcomeOf(1, [])).to.equal("other-version");
    expect(await outcomeOf(1, [7, 1])).to.equal("changed");
    expect(await outcomeOf(1, [1])).to.equal("other-version");
    expect((await changes.remove({ chatId, number: 1, versions: [1] })).outcome).to.equal("other-version");
    expect((await chat()).lastChangeNumber).to.equal(1);
  });

  it("keep gapless numbers, exact counts and all versions when many happen at once, while messages are stored", async () => {
    const work = fc.record({
      number: fc.integer({ min: 1, max: 5 }),
      body: fc.constantFrom("a", "b"),
      remove: fc.boolean(),
    });
    const operations = fc.sample(work, { numRuns: 60, seed: 7 });
    const stores = Array.from({ length: 10 }, (_, at) => test.batchStore.store([batch(message(chatId, 6 + at))]));
    const outcomes = await Promise.all(
      operations.map(({ number, body, remove }, at) =>
        remove && at > 30
          ? changes.remove({ chatId, number })
          : changes.edit({ chatId, number }, { body: `${body} ${at % 4}` }),
      ),
    );
    await Promise.all(stores);
    const numbers = outcomes.flatMap((outcome) =>
      outcome.outcome === "changed" ? [outcome.message.changeNumber!] : [],
    );
    const { lastChangeNumber } = await chat();
    expect(numbers.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: lastChangeNumber }, (_, at) => at + 1));
    for await (const difference of verifyCounts(test.database)) expect.fail(JSON.stringify(difference));

    const { items: latest } = await changes.after(chatId, 0, 100);
    expect(latest.map(({ changeNumber }) => changeNumber)).to.deep.equal(
      latest.map(({ changeNumber }) => changeNumber!).sort((a, b) => a - b),
    );
    const stored = await test.messages.range(chatId, { limit: 100 });
    expect(new Set(latest.map(({ number }) => number))).to.deep.equal(
      new Set(stored.filter(({ changeNumber }) => changeNumber !== null).map(({ number }) => number)),
    );
    for (const { number, version, deletedAt } of latest) {
      const kept = (await changes.versions(chatId, number)).map((earlier) => earlier.version);
      expect(kept).to.deep.equal(deletedAt ? [] : Array.from({ length: version - 1 }, (_, at) => at + 1));
    }
  });

  it("are listed after a change number, each message once and as it is now", async () => {
    for (const [number, body] of [
      [1, "a"],
      [2, "b"],
      [1, "c"],
      [3, "d"],
    ] as const) {
      changed(await changes.edit({ chatId, number }, { body }));
    }
    changed(await changes.remove({ chatId, number: 3 }));
    const after = async (change: number, limit = 10) =>
      (await changes.after(chatId, change, limit)).items.map(({ changeNumber, number, body }) => [
        changeNumber,
        number,
        body,
      ]);
    expect(await after(0)).to.deep.equal([
      [2, 2, "b"],
      [3, 1, "c"],
      [5, 3, ""],
    ]);
    expect(await after(2)).to.deep.equal([
      [3, 1, "c"],
      [5, 3, ""],
    ]);
    expect(await after(0, 1)).to.deep.equal([[2, 2, "b"]]);
    expect(await after(5)).to.deep.equal([]);
  });
});
