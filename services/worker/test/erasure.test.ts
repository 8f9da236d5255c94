import { createMessageChanges } from "@confab/database";
import { createPendingErasure } from "@confab/pending";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { nothing, useErasures, type Chat } from "./use-erasures.ts";

describe("the erasure of deleted chats and applications", function () {
  this.timeout(60_000);
  const { world, erasures, fill, remains, finished } = useErasures();

  it("leaves nothing of a chat in any store, and everything of its neighbours", async () => {
    world.run();
    const [chat, other] = [await world.createChat(), await world.createChat()];
    await fill(chat);
    await world.send(other, "stays");
    await erasures.eraseChat(chat.token, chat.number);
    await finished(chat.token, chat.number);
    expect(await remains(chat)).to.deep.equal(nothing);
    expect(await remains(other)).to.include({ chats: 1, messages: 1, documents: 1 });
    expect(await world.metric("confab_erasures_finished_total")).to.equal(1);
  });

  it("leaves nothing of an application, its keys included", async () => {
    world.run();
    const chat = await world.createChat();
    await fill(chat);
    await world.chats.create({ token: chat.token, idempotency: { key: "k", requestHash: Buffer.alloc(32) } });
    await erasures.eraseApplication(chat.token);
    await finished(chat.token);
    expect(await remains(chat)).to.deep.equal(nothing);
    expect(await world.redis.keys(`*${chat.token}*`)).to.deep.equal([]);
    const { prisma } = world.direct;
    expect(await prisma.idempotencyKey.count({ where: { scope: chat.token } })).to.equal(0);
    expect(await prisma.chat.count({ where: { id: { gte: chat.id } } })).to.equal(0);
  });

  it("drops messages that were accepted and not stored when the chat was deleted", async () => {
    const chat = await world.createChat();
    await world.send(chat, "pending");
    await erasures.eraseChat(chat.token, chat.number);
    expect((await world.submit(chat, "before the mark")).kind, "Redis does not know yet").to.equal("accepted");
    world.run();
    await finished(chat.token, chat.number);
    expect(await remains(chat)).to.deep.equal(nothing);
    expect(await world.metric("confab_messages_erased_total")).to.equal(2);
    expect(await world.metric("confab_messages_dead_lettered_total")).to.equal(0);
    expect((await world.submit(chat, "late")).kind).to.equal("unknown-chat");
  });

  it("erases what arrives after the first look, such as a read horizon or a document that was under way", async () => {
    world.run();
    const chat = await world.createChat();
    await fill(chat);
    const [document] = await world.documentsOf(chat);
    await erasures.eraseChat(chat.token, chat.number);
    const { prisma } = world.direct;
    await eventually(async () => {
      expect(await prisma.erasedChat.findUnique({ where: { chatId: chat.id } }))
        .to.have.property("clearedAt")
        .that.is.not.equal(null);
    });
    await prisma.read.create({
      data: { chatId: chat.id, reader: Buffer.from("late"), number: 1, updatedAt: new Date() },
    });
    await world.search.index([{ ...document!, number: 999 }]);
    await finished(chat.token, chat.number);
    expect(await remains(chat)).to.deep.equal(nothing);
  });

  it("waits while the search index is unavailable or messages are pending, and lets other erasures pass", async () => {
    const [stuck, other] = [await world.createChat(), await world.createChat()];
    await world.send(stuck, "pending");
    // Without the table, no worker can store the message.
    await world.direct.prisma.$executeRaw`RENAME TABLE stored_batches TO hidden_batches`;
    for (const { token, number } of [stuck, other]) await erasures.eraseChat(token, number);
    world.run();
    await finished(other.token, other.number);
    expect(await erasures.find(stuck.token, stuck.number)).to.have.property("finishedAt", null);
    await world.direct.prisma.$executeRaw`RENAME TABLE hidden_batches TO stored_batches`;
    await finished(stuck.token, stuck.number);
    expect(await remains(stuck)).to.deep.equal(nothing);
  });

  it("erases what a sender wrote until then, stored or not, and leaves tombstones without the sender", async () => {
    const [first, second] = [await world.createChat(), await world.createChat()];
    const { prisma } = world.direct;
    for (const chat of [first, second]) {
      for (const sender of ["anna", "bert", "anna"]) await world.submit(chat, `of ${sender}`, sender);
    }
    world.run();
    await eventually(async () => expect(await remains(second)).to.include({ messages: 3, documents: 3 }));
    await createMessageChanges(world.direct).remove({ chatId: first.id, number: 1 });
    const readersOf = async ({ id: chatId }: Chat) =>
      (await prisma.read.findMany({ where: { chatId } })).map(({ reader }) => String(Buffer.from(reader)));
    expect(await readersOf(first)).to.have.members(["anna", "bert"]);
    await world.pause();
    await world.submit(first, "pending", "anna");
    const { epoch } = (await erasures.eraseSender(world.token, "anna", { epochInRedis: 0 }))!;
    await createPendingErasure(world.redis, world.config.partitioning).beginEpoch(world.token, epoch);
    await world.submit(second, "later", "anna");
    world.run();
    await eventually(
      async () => {
        expect(await erasures.findSender(world.token, "anna"))
          .to.have.property("finishedAt")
          .that.is.not.equal(null);
      },
      { timeoutMs: 30_000 },
    );
    const rowsOf = async ({ id: chatId }: Chat) =>
      (await prisma.message.findMany({ where: { chatId }, orderBy: { number: "asc" } })).map(({ body, sender }) => [
        body,
        sender && Buffer.from(sender).toString(),
      ]);
    const tombstone = ["", null];
    const kept = ["of bert", "bert"];
    expect(await rowsOf(first)).to.deep.equal([tombstone, kept, tombstone, tombstone]);
    expect(await rowsOf(second)).to.deep.equal([tombstone, kept, tombstone, ["later", "anna"]]);
    expect(await readersOf(first)).to.deep.equal(["bert"]);
    expect(await readersOf(second), "the later message is read").to.have.members(["anna", "bert"]);
    await eventually(async () => {
      expect(await remains(first)).to.include({ documents: 1 });
      expect(await remains(second)).to.include({ documents: 2 });
    });
  });
});

describe("the erasure of deleted chats, with frequent reconciliation", function () {
  this.timeout(60_000);
  const { world, erasures, fill, remains, finished } = useErasures({ INDEX_RECONCILE_INTERVAL: "100ms" });

  it("removes documents of an erased chat that the index gets later", async () => {
    world.run();
    const [chat, other] = [await world.createChat(), await world.createChat()];
    await fill(chat);
    await world.send(other, "stays");
    const documents = await world.documentsOf(chat);
    await erasures.eraseChat(chat.token, chat.number);
    await finished(chat.token, chat.number);
    // Simulates a worker that was suspended between reading the messages and sending them.
    await world.search.index(documents.map((document) => ({ ...document, number: document.number + 100 })));
    await eventually(async () => expect(await remains(chat)).to.deep.equal(nothing), { timeoutMs: 20_000 });
    expect(await remains(other)).to.include({ documents: 1 });
    expect(world.lines.filter(({ documents: count }) => count !== undefined)).to.have.length.at.least(1);
  });
});
