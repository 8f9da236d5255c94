import { useForAll } from "@confab/testkit";
import { toJsonText, maxEarlierVersions } from "@confab/contracts";
import { expect } from "chai";
import fc from "fast-check";
import {
  createMessageChanges,
  removeHistories,
  removeMessages,
  verifyCounts,
  type ChangeOutcome,
} from "@confab/database";
import { batch, message, openTestDatabase } from "./setup.ts";

describe("changes of messages", () => {
  let chatId: bigint;
  const test = useForAll(openTestDatabase);
  const changes = useForAll(() => createMessageChanges(test.database));
  beforeEach(async () => {
    ({ id: chatId } = await test.newChat());
    await test.batchStore.store([batch(...[1, 2, 3, 4, 5].map((number) => message(chatId, number)))]);
    await test.outbox.drain(1_000, () => Promise.resolve());
  });

  const chat = () => test.database.prisma.chat.findUniqueOrThrow({ where: { id: chatId } });
  const changed = (outcome: ChangeOutcome) => {
    expect(outcome.kind).to.equal("changed");
    return "message" in outcome ? outcome.message : undefined;
  };
  const versionsOf = async (number: number) => (await changes.versions({ chatId, number }, { limit: 200 })).items;
  const addVersions = (number: number, count: number, body: string) =>
    test.database.prisma.$transaction([
      test.database.prisma.messageVersion.createMany({
        data: Array.from({ length: count }, (_, at) => ({
          chatId,
          number,
          version: at + 1,
          body,
          createdAt: new Date(),
        })),
      }),
      test.database.prisma.message.update({
        where: { chatId_number: { chatId, number } },
        data: { version: count + 1 },
      }),
    ]);
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
    expect(first).to.include({ body: "edited", version: 2 });
    expect(first.editedAt).to.be.instanceOf(Date);
    const second = changed(await changes.edit({ chatId, number: 2 }, { metadata: toJsonText({ z: 1, a: 2 }) }))!;
    expect(second).to.deep.include({
      body: "edited",
      metadata: toJsonText({ z: 1, a: 2 }),
      version: 3,
    });
    expect(second.changeNumber).to.be.greaterThan(first.changeNumber!);
    expect(await versionsOf(2)).to.deep.equal([
      { version: 1, body: "message 2", metadata: null, createdAt: first.createdAt },
      { version: 2, body: "edited", metadata: null, createdAt: first.updatedAt },
    ]);
    expect(await waiting()).to.deep.equal([2, 2]);
    expect(await chat()).to.include({ messagesCount: 5, lastChangeNumber: second.changeNumber });
  });

  it("take no number again that MySQL has lost", async () => {
    let lost = 0;
    // Makes several changes per second.
    for (let at = 0; at < 30; at++)
      lost = changed(await changes.edit({ chatId, number: 1 }, { body: `${at}` }))!.changeNumber!;
    const { prisma } = test.database;
    await prisma.messageChange.deleteMany({ where: { chatId } });
    await prisma.chat.update({ where: { id: chatId }, data: { lastChangeNumber: 0 } });
    await prisma.message.updateMany({ where: { chatId }, data: { changeNumber: null } });
    const [edited, removed] = [
      changed(await changes.edit({ chatId, number: 2 }, { body: "new" }))!.changeNumber!,
      changed(await changes.remove({ chatId, number: 3 }))!.changeNumber!,
    ];
    await removeMessages(test.database, chatId, [4]);
    const { lastChangeNumber } = await chat();
    expect(edited).to.be.greaterThan(lost);
    expect(removed).to.be.greaterThan(edited);
    expect(lastChangeNumber).to.be.greaterThan(removed);
  });

  it("take no number if nothing changes", async () => {
    const first = changed(await changes.edit({ chatId, number: 1 }, { body: "new", metadata: toJsonText({ a: 1 }) }))!;
    const again = await changes.edit({ chatId, number: 1 }, { body: "new", metadata: toJsonText({ a: 1 }) });
    expect(again).to.have.nested.property("message.version", 2);
    expect(again.kind).to.equal("unchanged");
    expect((await changes.edit({ chatId, number: 1 }, {})).kind).to.equal("unchanged");
    expect((await chat()).lastChangeNumber).to.equal(first.changeNumber);
  });

  it("leave a tombstone without content and versions, which counts no more and cannot be changed", async () => {
    const full = { ...message(chatId, 6), sender: "anna", metadata: toJsonText({ a: 1 }), reply_to: 2 };
    await test.batchStore.store([batch(full)]);
    changed(await changes.edit({ chatId, number: 6 }, { body: "secret" }));
    const tombstone = changed(await changes.remove({ chatId, number: 6 }))!;
    expect(tombstone).to.deep.include({ body: "", metadata: null, sender: "anna", reply_to: 2, version: 3 });
    expect(tombstone.deletedAt).to.be.instanceOf(Date);
    await removeHistories(test.database, { forMs: 5_000 });
    expect(await versionsOf(6)).to.deep.equal([]);
    const { changeNumber } = tombstone;
    const counted = { messagesCount: 5, numbersSum: 15n };
    expect(await chat()).to.include({ ...counted, lastMessageNumber: 6, lastChangeNumber: changeNumber });
    expect((await changes.edit({ chatId, number: 6 }, { body: "x" })).kind).to.equal("deleted");
    expect((await changes.remove({ chatId, number: 6 })).kind).to.equal("deleted");
    expect((await chat()).lastChangeNumber).to.equal(changeNumber);
    for await (const difference of verifyCounts(test.database)) expect.fail(JSON.stringify(difference));
    // A late second delivery of the batch must not bring it back.
    await test.batchStore.store([batch(full)]);
    expect(await test.messages.find(chatId, 6)).to.include({ body: "", version: 3 });
    expect(await chat()).to.include(counted);
  });

  it("list earlier versions in pages of a limit and of 1 MiB", async () => {
    await addVersions(1, 40, "x".repeat(60_000));
    const read = async (limit: number) => {
      const found: number[][] = [];
      for (let after: number | undefined = 0; after !== undefined;) {
        const page = await changes.versions({ chatId, number: 1 }, { after, limit });
        found.push(page.items.map(({ version }) => version));
        after = page.next;
      }
      return found;
    };
    const all = Array.from({ length: 40 }, (_, at) => at + 1);
    expect(await read(200)).to.deep.equal([all.slice(0, 17), all.slice(17, 34), all.slice(34)]);
    expect(await read(16)).to.deep.equal([all.slice(0, 16), all.slice(16, 32), all.slice(32)]);
    expect(await changes.versions({ chatId, number: 9 }, { limit: 1 })).to.deep.equal({ items: [], next: undefined });
  });

  it("end after 1,000 edits of a message, which can still be deleted", async () => {
    await addVersions(1, maxEarlierVersions - 1, "old");
    const { changeNumber } = changed(await changes.edit({ chatId, number: 1 }, { body: "the last one" }))!;
    expect((await changes.edit({ chatId, number: 1 }, { body: "one too many" })).kind).to.equal("history-full");
    expect((await changes.edit({ chatId, number: 1 }, { body: "the last one" })).kind).to.equal("unchanged");
    expect(await chat()).to.include({ lastChangeNumber: changeNumber });
    changed(await changes.remove({ chatId, number: 1 }));
  });

  it("delete many versions without a lock on the chat, and later if nobody did", async () => {
    await addVersions(1, 450, "secret");
    await addVersions(2, 3, "kept");
    const { prisma } = test.database;
    await prisma.$transaction(async (other) => {
      // Simulates a slow deletion of the versions.
      await other.$queryRaw`SELECT version FROM message_versions WHERE chat_id = ${chatId} AND version = 400 FOR UPDATE`;
      const began = performance.now();
      changed(await changes.remove({ chatId, number: 1 }));
      const removing = removeHistories(test.database, { forMs: 5_000 });
      await test.batchStore.store([batch(message(chatId, 6))]);
      expect(performance.now() - began, "neither the deletion nor the next message waits").to.be.lessThan(3_000);
      expect(await prisma.removedHistory.count({ where: { chatId } }), "noted until all are deleted").to.equal(1);
      void removing.catch(() => undefined);
    });
    await removeHistories(test.database, { forMs: 0 });
    expect(await prisma.removedHistory.count({ where: { chatId } }), "no time").to.equal(1);
    await Promise.all([1, 2].map(() => removeHistories(test.database, { forMs: 5_000 })));
    expect(await prisma.messageVersion.count({ where: { chatId } })).to.equal(3);
    expect(await prisma.removedHistory.count()).to.equal(0);
  });

  it("are refused for another version, and for messages that are not stored", async () => {
    const expecting = (versions: number[]) => (message: { version: number }) => versions.includes(message.version);
    const outcomeOf = async (number: number, versions?: number[]) =>
      (await changes.edit({ chatId, number, isExpected: versions && expecting(versions) }, { body: "new" })).kind;
    expect(await outcomeOf(9)).to.equal("missing");
    expect(await outcomeOf(1, [2])).to.equal("other-version");
    expect(await outcomeOf(1, [])).to.equal("other-version");
    expect(await outcomeOf(1, [7, 1])).to.equal("changed");
    expect(await outcomeOf(1, [1])).to.equal("other-version");
    expect((await changes.remove({ chatId, number: 1, isExpected: expecting([1]) })).kind).to.equal("other-version");
    expect(await test.database.prisma.messageChange.count({ where: { chatId } })).to.equal(1);
  });

  it("keep ascending numbers, exact counts and all versions when many happen at once, while messages are stored", async () => {
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
    const numbers = outcomes.flatMap((outcome) => (outcome.kind === "changed" ? [outcome.message.changeNumber!] : []));
    expect(new Set(numbers).size).to.equal(numbers.length);
    expect((await chat()).lastChangeNumber).to.equal(Math.max(...numbers));
    for await (const difference of verifyCounts(test.database)) expect.fail(JSON.stringify(difference));

    const { items: latest } = await changes.after(chatId, 0, 100);
    expect(latest.map(({ changeNumber }) => changeNumber)).to.deep.equal(
      latest.map(({ changeNumber }) => changeNumber!).sort((a, b) => a - b),
    );
    const stored = await test.messages.range(chatId, { limit: 100 });
    expect(new Set(latest.map(({ number }) => number))).to.deep.equal(
      new Set(stored.filter(({ changeNumber }) => changeNumber !== null).map(({ number }) => number)),
    );
    await removeHistories(test.database, { forMs: 5_000 });
    for (const { number, version, deletedAt } of latest) {
      const kept = (await versionsOf(number)).map((earlier) => earlier.version);
      expect(kept).to.deep.equal(deletedAt ? [] : Array.from({ length: version - 1 }, (_, at) => at + 1));
    }
  });

  it("are listed after a change number, each message once and as it is now", async () => {
    const edit = async (number: number, body: string) =>
      changed(await changes.edit({ chatId, number }, { body }))!.changeNumber!;
    await edit(1, "a");
    const second = await edit(2, "b");
    const third = await edit(1, "c");
    await edit(3, "d");
    const last = changed(await changes.remove({ chatId, number: 3 }))!.changeNumber!;
    const after = async (change: number, limit = 10) =>
      (await changes.after(chatId, change, limit)).items.map(({ changeNumber, number, body }) => [
        changeNumber,
        number,
        body,
      ]);
    expect(await after(0)).to.deep.equal([
      [second, 2, "b"],
      [third, 1, "c"],
      [last, 3, ""],
    ]);
    expect(await after(second)).to.deep.equal([
      [third, 1, "c"],
      [last, 3, ""],
    ]);
    expect(await after(0, 1)).to.deep.equal([[second, 2, "b"]]);
    expect(await after(last)).to.deep.equal([]);
  });
});
