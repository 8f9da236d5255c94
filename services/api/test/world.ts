import { randomUUID } from "node:crypto";
import {
  createApplications,
  createChats,
  createDatabase,
  createMessages,
  createBatchStore,
  migrate,
} from "@confab/database";
import { createBacklog, createIntake, withScripts } from "@confab/intake";
import { connectForRequests, createProducer, whenReady } from "@confab/queue";
import { createTestDatabase, testStores, uniquePrefix } from "@confab/testkit";
import { expect } from "chai";

export interface Chat {
  token: string;
  number: number;
  id: bigint;
}

const noLimits = {
  maxPending: 0,
  applicationMessageRate: 0,
  applicationMessageBurst: 0,
  idempotencySeconds: 60,
  maxIdempotencyKeys: 0,
};

/** A database and Redis keys of their own, with what the other two services do there: accepting and storing. */
export async function openWorld({ redisUrl = testStores().redisUrl }: { redisUrl?: string } = {}) {
  const created = await createTestDatabase();
  await migrate(created.url);
  const database = createDatabase({ url: created.url });
  const [applications, chats] = [createApplications(database), createChats(database)];
  const [messages, batchStore] = [createMessages(database), createBatchStore(database)];

  const partitioning = { prefix: uniquePrefix("api"), partitions: 1 };
  const redis = withScripts(connectForRequests({ url: redisUrl }, "test"));
  redis.on("error", () => undefined);
  await whenReady(redis, 5_000);
  const producer = await createProducer({ connection: redis, ...partitioning });
  const intake = createIntake({
    partitioning,
    limits: noLimits,
    redis,
    wake: (partition, batchId) => producer.wakeBatch(partition, batchId),
    loadHead: (token, chat) => chats.locate(token, chat),
  });
  const backlog = createBacklog(redis, partitioning, 0);

  async function newApplication(): Promise<string> {
    const token = randomUUID();
    await applications.create({ token, name: "test" });
    return token;
  }
  return {
    url: created.url,
    database,
    redis,
    prefix: partitioning.prefix,
    index: partitioning.prefix,
    messages,
    newApplication,

    async newChat(token?: string): Promise<Chat> {
      const owner = token ?? (await newApplication());
      const chat = await chats.create({ token: owner });
      return { token: owner, number: chat!.number, id: chat!.id };
    },

    /** Accepts bodies one after another, each in a batch of its own. */
    async accept({ token, number }: Chat, ...bodies: string[]): Promise<void> {
      for (const body of bodies) {
        const { outcome } = await intake.submit({ token, chat: number, body, requestId: "test" });
        expect(outcome).to.equal("accepted");
      }
    },

    /** The ids of all batches that are not stored. */
    openBatches: (): Promise<string[]> => backlog.overdue(0, { offset: 0, limit: 10_000 }),

    /** Stores those of the pending messages whose number is wanted, as the worker does. */
    async store(isWanted: (number: number) => boolean = () => true): Promise<void> {
      const ids = await backlog.overdue(0, { offset: 0, limit: 10_000 });
      const open = await backlog.read(ids, { maxMessages: 1e9, maxBytes: 1e12 });
      const batches = open.batches.filter(({ messages: [first] }) => first && isWanted(first.number));
      await batchStore.store(
        batches.map((batch) => ({ id: Buffer.from(batch.id, "base64url"), messages: batch.messages })),
      );
      await backlog.complete({ ids: batches.map(({ id }) => id) });
    },

    /** As after a failover to a replica that lacks the last transactions. */
    async forget({ id: chatId }: Chat, ...numbers: number[]): Promise<void> {
      await database.prisma.message.deleteMany({ where: { chatId, number: { in: numbers } } });
    },

    async moveMessage({ id: chatId }: Chat, { from, to }: { from: number; to: number }): Promise<void> {
      await database.prisma.message.update({
        where: { chatId_number: { chatId, number: from } },
        data: { number: to },
      });
    },

    async close(): Promise<void> {
      await intake.stop();
      await producer.stop();
      redis.disconnect();
      await database.close();
      await created.drop();
    },
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;
