import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createBatchStore, createErasureWork } from "@confab/database";
import { createPendingErasure } from "@confab/pending";
import { isElasticsearch, removeChats } from "@confab/search";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { createErasing } from "../src/schedules/erase.ts";
import { nothing, useErasures, type Chat } from "./use-erasures.ts";

describe("erasing while workers die", function () {
  this.timeout(60_000);
  const { world, erasures, remains, finished } = useErasures();

  for (const kind of ["a chat", "an application", "a sender"] as const) {
    it(`erases ${kind}, although its worker dies after any step`, async () => {
      await world.search.prepare();
      const work = createErasureWork(world.direct);
      let died = 0;
      for (let last = 1; died === last - 1; last++) {
        const chat = await world.newChat();
        const { token, id } = chat;
        await world.search.index(await storedIn(chat));
        if (kind === "a chat") await erasures.eraseChat(token, chat.number);
        if (kind === "an application") await erasures.eraseApplication(token);
        if (kind === "a sender") await erasures.eraseSender(token, `sender ${last}`, { epochInRedis: 0 });

        let steps = 0;
        /** Wraps a repository so that the worker dies after step `last`, which still has its effect. */
        const dying = <T extends object>(repository: T): T =>
          new Proxy(repository, {
            get: (target, name, receiver) => {
              const step = Reflect.get(target, name, receiver) as (...args: unknown[]) => Promise<unknown>;
              return async (...args: unknown[]) => {
                const result = await step(...args);
                steps += 1;
                if (steps >= last) throw new Error("the worker died");
                return result;
              };
            },
          });
        const pendingErasure = createPendingErasure(world.redis, world.config.partitioning);
        const { search } = world;
        if (!isElasticsearch(search)) throw new Error("the tests need Elasticsearch");
        const options = {
          hasPending: () => Promise.resolve(false),
          removeDocuments: (chatIds: readonly bigint[]) => removeChats(search, chatIds),
          rowsPerSecond: 1_000_000,
          settleMs: 1,
          metrics: world.metrics,
          logger: world.logger,
        };
        const mortal = createErasing({ ...options, work: dying(work), pendingErasure: dying(pendingErasure) });
        await mortal.run().then(
          () => undefined,
          () => (died += 1),
        );
        await world.direct.prisma.erasure.updateMany({ data: { claimedUntil: null } });
        const found = () =>
          kind === "a sender"
            ? erasures.findSender(token, `sender ${last}`)
            : erasures.find(token, kind === "a chat" ? chat.number : null);
        const heir = createErasing({ ...options, work, pendingErasure });
        await eventually(async () => {
          await world.direct.prisma.erasure.updateMany({ data: { claimedUntil: null } });
          await heir.run();
          expect(await found())
            .to.have.property("finishedAt")
            .that.is.not.equal(null);
        });
        if (kind === "a sender") {
          expect(
            await world.direct.prisma.message.count({ where: { chatId: id, sender: Buffer.from(`sender ${last}`) } }),
          ).to.equal(0);
        } else expect(await remains(chat), `died after step ${last}`).to.deep.equal(nothing);

        /** Stores a message from this round's sender, and returns its document. */
        async function storedIn({ id: chatId }: Chat) {
          const message = {
            token,
            chat: chat.number,
            chatId,
            number: 1,
            uid: randomBytes(16),
            body: "text",
            sender: `sender ${last}`,
            createdAt: new Date(),
          };
          await createBatchStore(world.direct).store([{ id: randomBytes(16), messages: [message] }]);
          await world.direct.prisma.searchOutboxEntry.deleteMany();
          return world.documentsOf({ id: chatId });
        }
      }
      expect(died).to.be.above(8);
    });
  }

  it("erases under writers, although its worker is stopped after every step", async () => {
    const chats = await Promise.all(Array.from({ length: 6 }, () => world.createChat()));
    world.run();
    for (const chat of chats) await world.send(chat, "a", "b");
    let isWriting = true;
    const outcomes = new Set<string>();
    const writers = chats.map(async (chat) => {
      while (isWriting) {
        outcomes.add((await world.submit(chat, randomUUID())).kind);
        await sleep(5);
      }
    });
    const pendingErasure = createPendingErasure(world.redis, world.config.partitioning);
    for (const { token, number } of chats) {
      await erasures.eraseChat(token, number);
      await pendingErasure.block(token, number);
      await world.pause();
      world.run();
    }
    for (let stop = 0; stop < 6; stop++) {
      await world.pause();
      world.run();
    }
    await Promise.all(chats.map(({ token, number }) => finished(token, number)));
    isWriting = false;
    await Promise.all(writers);
    for (const chat of chats) expect(await remains(chat)).to.deep.equal(nothing);
    expect([...outcomes]).to.have.members(["accepted", "unknown-chat"]);
    expect(Number(await world.redis.get(`${world.prefix}pending`)), "pending messages").to.equal(0);
  });
});
