import { createErasures, createMessageChanges } from "@confab/database";
import { countDocuments, isElasticsearch } from "@confab/search";
import { eventually, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { start, type Running } from "./start.ts";

export type Chat = Awaited<ReturnType<Running["createChat"]>>;

/** The result of `remains` for an erased chat. */
export const nothing = {
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

/** Gives each test a worker with a short settle time, and functions that fill a chat and count its remains. */
export function useErasures(env: Record<string, string> = {}) {
  const world = useForEach(() => start({ ERASURE_SETTLE_TIME: "500ms", ...env }));
  const erasures = useForEach(() => createErasures(world.direct));

  /** Counts the data of a chat in each store, independently of the code that erases it. */
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

  /** Fills a chat with all kinds of data that the stores can contain. */
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

  return { world, erasures, fill, remains, finished };
}
