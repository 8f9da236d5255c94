import { createErasures, createMessageChanges } from "@confab/database";
import { createPendingErasure } from "@confab/pending";
import { countDocuments, isElasticsearch } from "@confab/search";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { start, type Running } from "./start.ts";

type Chat = Awaited<ReturnType<Running["createChat"]>>;

describe("the erasure of deleted chats and applications", function () {
  this.timeout(60_000);
  let world: Running;
  let erasures: ReturnType<typeof createErasures>;
  beforeEach(async () => {
    world = await start({ ERASURE_SETTLE_TIME: "500ms" });
    erasures = createErasures(world.direct);
  });
  afterEach(() => world.close());

  /** Counts what the stores have of a chat, without the code that erases it. */
  async function remains({ id: chatId, token, number }: Chat): Promise<Record<string, number>> {
    const { prisma } = world.direct;
    const where = { chatId };
    if (!isElasticsearch(world.search)) throw new Error("the tests need Elasticsearch");
    const documents = await countDocuments(world.search, [chatId]);
    const keys = await world.redis.keys(`${world.prefix}*:${token}:${number}`);
    return {
      chats: await prisma.chat.count({ where: { id: chatId } }),
      messages: await prisma.message.count({ where }),
      versions: await prisma.messageVersion.count({ where }),
      changes: await prisma.messageChange.count({ where }),
      deleted: await prisma.deletedNumber.count({ where }),
      reads: await prisma.read.count({ where }),
      letters: await prisma.deadLetter.count({ where: { token, chatNumber: number } }),
      documents: [...documents.values()].reduce((sum, count) => sum + count, 0),
      heads: keys.filter((key) => key.includes(":head:")).length,
      pending: keys.filter((key) => key.includes(":pending:")).length,
    };
  }
  const nothing = {
    chats: 0,
    messages: 0,
    versions: 0,
    changes: 0,
    deleted: 0,
    reads: 0,
    letters: 0,
    documents: 0,
    heads: 0,
    pending: 0,
  };

  /** Fills a chat with everything that the stores can have of it. */
  async function fill(chat: Chat): Promise<void> {
    await world.send(chat, "one", "two", "three");
    await eventually(async () => expect(await remains(chat)).to.include({ messages: 3, documents: 3 }));
    const changes = createMessageChanges(world.direct);
    await changes.edit({ chatId: chat.id, number: 1 }, { body: "edited" });
    await changes.remove({ chatId: chat.id, number: 2 });
    await world.direct.prisma.read.create({
      data: { chatId: chat.id, reader: Buffer.from("r"), number: 1, updatedAt: new Date() },
    });
  }

  const finished = (token: string, chat?: number) =>
    eventually(
      async () => {
        expect(await erasures.find(token, chat ?? null))
          .to.have.property("finishedAt")
          .that.is.not.equal(null);
      },
      { timeoutMs: 30_000 },
    );

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
    // Nobody can store it.
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

  it("removes documents of an erased chat that the index gets later", async () => {
    await world.close();
    world = await start({ ERASURE_SETTLE_TIME: "500ms", INDEX_RECONCILE_INTERVAL: "100ms" });
    erasures = createErasures(world.direct);
    world.run();
    const [chat, other] = [await world.createChat(), await world.createChat()];
    await fill(chat);
    await world.send(other, "stays");
    const documents = await world.documentsOf(chat);
    await erasures.eraseChat(chat.token, chat.number);
    await finished(chat.token, chat.number);
    // As by a worker that stood still between reading the messages and sending them.
    await world.search.index(documents.map((document) => ({ ...document, number: document.number + 100 })));
    await eventually(async () => expect(await remains(chat)).to.deep.equal(nothing), { timeoutMs: 20_000 });
    expect(await remains(other)).to.include({ documents: 1 });
    expect(world.lines.filter(({ documents: count }) => count !== undefined)).to.have.length.at.least(1);
  });
});
