import { JsonText, toJsonText } from "@confab/contracts";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { startMysql } from "@confab/testkit";
import {
  createApplications,
  createChats,
  createDatabase,
  createBatchStore,
  createMessageKeys,
  migrate,
} from "@confab/database";
import { batch, message, remember } from "./setup.ts";
import { useChat } from "./use-chat.ts";

describe("storing accepted messages", () => {
  const { test, chat, count } = useChat();

  it("stores rows byte for byte, counts them and adds them to the search outbox", async () => {
    const body = `"quotes" 'and' \\back\\slashes\\, \0 nul, \r\n, é, 😀, \u200f, trailing space `;
    const first = message(chat.id, 1, body);
    const result = await test.batchStore.store([batch(first, message(chat.id, 2)), batch(message(chat.id, 5))]);
    expect(result).to.deep.equal({
      stored: 3,
      knownBatches: 0,
      conflicts: [],
      refused: [],
      erased: [],
      locked: [],
      repeated: [],
    });
    const row = await test.messages.find(chat.id, 1);
    expect(row).to.include({ number: 1, body, version: 1, editedAt: null, deletedAt: null });
    expect(row?.createdAt).to.deep.equal(first.createdAt);
    expect(Buffer.from(row?.uid ?? [])).to.deep.equal(first.uid);
    expect(await test.numbersOf(chat.id)).to.deep.equal([1, 2, 5]);
    expect(await count()).to.equal(3);
    expect(await test.outboxRanges()).to.deep.equal([
      [1, 2],
      [5, 5],
    ]);
  });

  it("preserves any text exactly", async () => {
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: "binary", minLength: 1 }), { minLength: 1 }), async (bodies) => {
        const rows = bodies.map((body) => message(chat.id, ++number, body));
        await test.batchStore.store([batch(...rows)]);
        const read = await test.messages.range(chat.id, { from: number - rows.length + 1, limit: rows.length });
        expect(read.map((row) => row.body)).to.deep.equal(bodies);
      }),
      { numRuns: 30 },
    );
  });

  it("knows when a batch was stored", async () => {
    const [stored, other] = [batch(message(chat.id, 1)), batch(message(chat.id, 2))];
    const before = Date.now() - 1000;
    await test.batchStore.store([stored]);
    expect((await test.batchStore.storedAt(stored.id))?.getTime()).to.be.within(before, Date.now() + 1000);
    expect(await test.batchStore.storedAt(other.id)).to.equal(undefined);
  });

  it("never overwrites a message: reports a number that is taken, also for a repeated delivery", async () => {
    await test.batchStore.store([batch(message(chat.id, 1, "first"))]);
    const late = message(chat.id, 1, "late");
    const delivery = batch(late, message(chat.id, 2));
    const result = await test.batchStore.store([delivery]);
    expect(result.stored).to.equal(1);
    expect(result.conflicts).to.deep.equal([late]);
    expect((await test.messages.find(chat.id, 1))?.body).to.equal("first");
    expect(await count()).to.equal(2);
    const again = await test.batchStore.store([delivery]);
    expect(again).to.deep.equal({
      stored: 0,
      knownBatches: 1,
      conflicts: [late],
      refused: [],
      erased: [],
      locked: [],
      repeated: [],
    });
  });

  it("stores the key of a message once, and drops a later message with the key", async () => {
    const key = (time: number) => {
      const id = Buffer.alloc(15, chat.id.toString());
      id.writeUIntBE(time, 0, 6);
      return { id, request: Buffer.alloc(9, 7) };
    };
    const [first, other] = [
      { ...message(chat.id, 1, "first"), key: key(1) },
      { ...message(chat.id, 2, "other"), key: key(2) },
    ];
    const delivery = batch(first, other);
    await test.batchStore.store([delivery]);
    const again = await test.batchStore.store([delivery]);
    expect(again).to.include({ stored: 0, knownBatches: 1 });
    expect(again.repeated).to.deep.equal([]);

    const repetition = { ...message(chat.id, 3, "first"), key: key(1) };
    const result = await test.batchStore.store([batch(repetition, message(chat.id, 4)), batch(repetition)]);
    expect(result.stored).to.equal(1);
    expect(result.repeated.map(({ message: own, original }) => [own, original.number])).to.deep.equal([
      [repetition, 1],
    ]);
    expect(await test.numbersOf(chat.id)).to.deep.equal([1, 2, 3, 4]);
    // Number 3 is a tombstone. It is not assigned again, and readers do not count it as unread.
    expect(await test.database.prisma.deletedNumber.count({ where: { chatId: chat.id } })).to.equal(1);
    const keys = createMessageKeys(test.database);
    const found = await keys.find([key(1), key(2), key(3)].map(({ id }) => id.toString("hex")));
    expect([...found.values()].map(({ number, uid }) => [number, Buffer.from(uid)])).to.deep.equal([
      [1, first.uid],
      [2, other.uid],
    ]);
  });

  it("stores the key of a renumbered message with its final number", async () => {
    const key = { id: Buffer.alloc(15, 9), request: Buffer.alloc(9, 7) };
    await test.batchStore.store([batch(message(chat.id, 1, "first"))]);
    const late = { ...message(chat.id, 1, "late"), key };
    expect((await test.batchStore.store([batch(late)])).conflicts).to.deep.equal([late]);
    const keys = createMessageKeys(test.database);
    expect(await keys.find([key.id.toString("hex")])).to.deep.equal(new Map());
    expect((await test.batchStore.store([batch({ ...late, number: 2 })])).stored).to.equal(1);
    expect((await keys.find([key.id.toString("hex")])).get(key.id.toString("hex"))).to.include({ number: 2 });
  });

  it("reports the second of two messages with the same number in one call", async () => {
    const result = await test.batchStore.store([batch(message(chat.id, 1, "a")), batch(message(chat.id, 1, "b"))]);
    expect(result.stored).to.equal(1);
    expect(result.conflicts.map((row) => row.body)).to.deep.equal(["b"]);
    expect(await count()).to.equal(1);
  });

  it("stores no message in another application's chat that got the id of a lost chat", async () => {
    // Simulates a failover to a replica that lacks the last transactions: ids are assigned a second time.
    const mine = await test.newChat();
    const toMine = message(mine.id, 1, "secret");
    await test.database.prisma.chat.delete({ where: { id: mine.id } });
    await test.database.prisma.application.delete({ where: { token: mine.token } });
    const other = await test.newChat();
    await test.database.prisma.$executeRaw`UPDATE chats SET id = ${mine.id} WHERE id = ${other.id}`;
    const { stored, conflicts, refused } = await test.batchStore.store([batch(toMine)]);
    expect([stored, conflicts]).to.deep.equal([0, []]);
    expect(refused).to.have.length(1);
    expect(refused[0]).to.deep.include({ chatUnknown: true, body: "secret" });
    expect(await test.messages.range(mine.id, { limit: 10 })).to.deep.equal([]);
    const letter = await test.database.prisma.deadLetter.findUnique({ where: { uid: new Uint8Array(toMine.uid) } });
    expect(letter).to.include({ token: mine.token, chatNumber: 1, chatId: null });
    expect((await test.chats.locate(other.token, 1))?.lastNumber, "its own numbers continue").to.equal(0);
    expect(await test.deadLetters.restore(letter!.id)).to.deep.include({ restored: false });
  });

  it("stores large batches on a server that accepts packets of at most 4 MiB", async () => {
    const dir = await mkdtemp(join(tmpdir(), "confab-mysql-"));
    const server = await startMysql({ dir, args: ["--max-allowed-packet=4M"] });
    try {
      await migrate(server.url);
      const database = createDatabase({ url: server.url });
      const owner = await createApplications(database).create({ token: randomUUID(), name: "small packets" });
      const chat = (await createChats(database).create({ token: owner.token }))!;
      remember(owner.token, chat);
      const rows = Array.from({ length: 120 }, (_, i) => message(chat.id, i + 1, "y".repeat(65_535)));
      expect((await createBatchStore(database).store([batch(...rows)])).stored).to.equal(120);
      const metadata = toJsonText({ a: "z".repeat(4_000) });
      const described = Array.from({ length: 1_500 }, (_, i) => ({ ...message(chat.id, 121 + i, "short"), metadata }));
      expect((await createBatchStore(database).store([batch(...described)])).stored).to.equal(1_500);
      await database.close();
    } finally {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    }
  });

  it("stores every field of the content as it was sent, and returns null for the others", async () => {
    const text = String.raw`{"z":1.0,"a":["é😀\u0000",null,true,{"":1e400}],"z":-0,"__proto__":{},"quote'\\":"--"}`;
    const metadata = new JsonText(text);
    const full = { ...message(chat.id, 1, "full"), sender: "üser ' \\ 😀 ", metadata, reply_to: 7 };
    await test.batchStore.store([batch(full, message(chat.id, 2, "bare"))]);
    const [first, second] = await test.messages.range(chat.id, { limit: 10 });
    expect(first).to.deep.include({ body: "full", sender: full.sender, metadata, reply_to: 7 });
    expect(second).to.deep.include({ body: "bare", sender: null, metadata: null, reply_to: null });
    expect(await test.messages.find(chat.id, 1)).to.deep.equal(first);
    const indexed = await test.messages.inRanges([{ chatId: chat.id, from: 1, to: 1 }]);
    expect(indexed[0]).to.deep.include({ sender: full.sender, metadata, reply_to: 7 });
    const [size] = await test.messages.sizes(chat.id, { limit: 1 });
    expect(size?.bytes).to.be.at.least(Buffer.byteLength(`full${full.sender}${text}`));
  });

  it("keeps the last message of each chat, in whatever order batches are stored", async () => {
    const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds));
    const last = async () => {
      const { lastMessageNumber, lastMessageAt } = await test.database.prisma.chat.findUniqueOrThrow({
        where: { id: chat.id },
      });
      return [lastMessageNumber, lastMessageAt];
    };
    expect(await last()).to.deep.equal([0, null]);
    await test.batchStore.store([
      batch({ ...message(chat.id, 3), createdAt: at(3) }, { ...message(chat.id, 4), createdAt: at(4) }),
    ]);
    expect(await last()).to.deep.equal([4, at(4)]);
    const late = batch({ ...message(chat.id, 1), createdAt: at(1) }, { ...message(chat.id, 2), createdAt: at(2) });
    await test.batchStore.store([late]);
    await test.batchStore.store([late]);
    expect(await last()).to.deep.equal([4, at(4)]);
  });

  it("stores more rows and bytes than fit one statement", async () => {
    const rows = Array.from({ length: 2_100 }, (_, i) =>
      message(chat.id, i + 1, i < 150 ? "y".repeat(60_000) : "short"),
    );
    expect((await test.batchStore.store([batch(...rows)])).stored).to.equal(2_100);
    expect(await count()).to.equal(2_100);
  });

  it("writes every text as it is, quoted or in hexadecimal", async () => {
    const texts = [
      "plain",
      "it's",
      "''', 1), (1, 1, '",
      "back\\slash",
      "\\'",
      'say "hi"',
      "?",
      "%_",
      "\0",
      "two\nlines\tand\r\na third, isn't it",
      "\u007f",
      "👩‍👩‍👧‍👦 é",
      "--",
      "/* */",
      "`",
    ];
    await test.batchStore.store([batch(...texts.map((text, at) => message(chat.id, at + 1, text)))]);
    const withBytes = texts.map((text, at) => ({
      ...message(chat.id, texts.length + at + 1, text),
      bodyBytes: Buffer.from(text),
    }));
    await test.batchStore.store([batch(...withBytes)]);
    const rows = await test.messages.range(chat.id, { limit: 100 });
    expect(rows.map(({ body }) => body)).to.deep.equal([...texts, ...texts]);
  });
});
