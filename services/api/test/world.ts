import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageContent } from "@confab/contracts";
import { createMessages } from "@confab/database";
import { createBacklog, type Submission } from "@confab/pending";
import { createProducer } from "@confab/queue";
import { whenReady } from "@confab/redis";
import { startRedis, testStores, uniquePrefix } from "@confab/testkit";
import {
  connectScripts,
  createTestAcceptor,
  openDatabase,
  storePending,
  takePending,
  type Chat,
} from "@confab/testkit/world";
import { expect } from "chai";

export type { Chat } from "@confab/testkit/world";

/**
 * Opens a separate database and Redis keys, with functions for the work of the other two services: accepting and
 * storing.
 */
export async function openWorld({ redisUrl = testStores().redisUrl }: { redisUrl?: string } = {}) {
  const { chats, close: closeDatabase, ...stored } = await openDatabase();
  const { database } = stored;
  const partitioning = { prefix: uniquePrefix("api"), partitions: 1 };
  const redis = connectScripts(redisUrl);
  await whenReady(redis, 5_000);
  const producer = await createProducer({ connection: redis, ...partitioning });
  const acceptor = createTestAcceptor({ redis, producer, partitioning, chats, database });
  const backlog = createBacklog(redis, partitioning, 0);

  return {
    ...stored,
    redis,
    prefix: partitioning.prefix,
    index: partitioning.prefix,
    messages: createMessages(database),

    /** Accepts messages one after another, each in a separate batch. A text is a message with this body. */
    async accept(
      { token, number }: Chat,
      ...contents: (string | (MessageContent & Pick<Submission, "idempotency">))[]
    ): Promise<void> {
      for (const given of contents) {
        const content = typeof given === "string" ? { body: given } : given;
        const { kind } = await acceptor.submit({ token, chat: number, ...content, requestId: "test" });
        expect(kind).to.equal("accepted");
      }
    },

    /** Returns the ids of all batches that are not stored yet. */
    openBatches: (): Promise<string[]> => backlog.overdue(0, { offset: 0, limit: 10_000 }),

    /** Stores the pending messages whose numbers are wanted (by default, all of them), like the worker. */
    store: (isWanted?: (number: number) => boolean) =>
      storePending(database, backlog, { ...(isWanted && { isWanted }) }),

    /** Reads the pending messages whose numbers are wanted, like the worker. Returns a function that stores them. */
    take: (isWanted?: (number: number) => boolean) => takePending(database, backlog, { ...(isWanted && { isWanted }) }),

    /** Deletes rows, like a failover to a replica that lacks the last transactions. */
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
      await acceptor.stop();
      await producer.stop();
      redis.disconnect();
      await closeDatabase();
    },
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;

/**
 * Opens a world with a separate Redis server, for tests that stop the server or make it lose data. `close` ends both.
 */
export async function openWorldWithRedis() {
  const dir = await mkdtemp(join(tmpdir(), "confab-api-"));
  const server = await startRedis({ dir });
  const world = await openWorld({ redisUrl: server.url });
  return {
    ...world,
    server,
    /** The folder that contains the server's data. */
    dir,
    async close(): Promise<void> {
      await world.close();
      await server.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
