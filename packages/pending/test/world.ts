import { createMessageKeys, createMessages } from "@confab/database";
import { createBacklog, createPendingMessages } from "@confab/pending";
import { createProducer } from "@confab/queue";
import { whenReady } from "@confab/redis";
import { startRedis, uniquePrefix, type ServerHandle } from "@confab/testkit";
import {
  connectScripts,
  createTestAcceptor,
  openDatabase,
  storePending,
  type Chat,
  type TestAcceptor,
} from "@confab/testkit/world";
import { expect } from "chai";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sourceOf } from "../src/scripts.ts";

export { noLimits, noReadLimits, type Chat } from "@confab/testkit/world";

/** A guard in a script: the text to remove, and its replacement. */
export interface Mutation {
  script: "accept" | "complete";
  guard: string;
  without: string;
}

export type World = Awaited<ReturnType<typeof createWorld>>;

/** Starts a separate Redis server and a database for the acceptor. A mutation disables one guard of a script. */
export async function createWorld(mutation?: Mutation) {
  const dir = await mkdtemp(join(tmpdir(), "confab-pending-"));
  const server = await startRedis({ dir });
  const { database, chats, newApplication, newChat, close: closeDatabase } = await openDatabase();
  const token = await newApplication();
  const partitioning = { prefix: uniquePrefix("pending"), partitions: 1 };
  const opened: (() => Promise<unknown>)[] = [];

  async function connect(target: { url: string } = server) {
    const redis = connectScripts(target.url);
    opened.push(() => {
      redis.disconnect();
      return Promise.resolve();
    });
    if (mutation) {
      const name = mutation.script === "accept" ? "confabAccept" : "confabComplete";
      const source = sourceOf(name);
      // Throws a plain error, because a scenario without its guard must fail with an assertion error.
      if (!source.includes(mutation.guard)) throw new Error(`The ${mutation.script} script lacks: ${mutation.guard}`);
      redis.defineCommand(name, { numberOfKeys: 2, lua: source.replace(mutation.guard, mutation.without) });
    }
    await whenReady(redis, 5000);
    const producer = await createProducer({ connection: redis, ...partitioning });
    return {
      redis,
      producer,
      backlog: createBacklog(redis, partitioning, 0),
      pending: createPendingMessages(redis, partitioning),
      acceptor: (options?: Parameters<typeof createTestAcceptor>[1]): TestAcceptor => {
        const acceptor = createTestAcceptor({ redis, producer, partitioning, chats, database }, options);
        opened.push(() => acceptor.stop());
        return acceptor;
      },
    };
  }
  type Side = Awaited<ReturnType<typeof connect>>;

  return {
    server,
    dir,
    token,
    prefix: `${partitioning.prefix}:{p0}:`,
    partitioning,
    database,
    connect,
    /** Finds the idempotency keys of stored messages. */
    findKeys: (ids: readonly string[]) => createMessageKeys(database).find(ids),

    /** Makes Redis appear to have been started at the given time. It must have accepted a message with a key before. */
    async rememberSince({ redis }: Side, ms: number): Promise<void> {
      const key = `${partitioning.prefix}:{p0}:keys-since`;
      const [incarnation] = (await redis.get(key))!.split(" ");
      await redis.set(key, `${incarnation!} ${ms}`);
    },

    createChat: () => newChat(token),
    /** Creates a chat in an application of its own. */
    newChat: () => newChat(),

    /** Stores the oldest pending batches, all by default, like the worker. */
    async store({ backlog }: Side, limit = 10_000): Promise<void> {
      const { lost, conflicts } = await storePending(database, backlog, { limit });
      expect(lost, "batches without messages").to.deep.equal([]);
      expect(conflicts, "numbers that were assigned twice").to.deep.equal([]);
    },

    /** Removes the messages of the oldest batch, like an eviction, and completes it as lost. */
    async loseFirst({ backlog, redis }: Side): Promise<void> {
      const [id] = await backlog.overdue(0, { offset: 0, limit: 1 });
      await redis.del(`${partitioning.prefix}:{p0}:records:${id!}`);
      await backlog.complete({ ids: [id!] });
    },

    /** Returns the first number of each numbering of a chat that MySQL knows. */
    async beginnings(chat: Chat): Promise<number[]> {
      const rows = await database.prisma.chatNumbering.findMany({ where: { chatId: chat.id } });
      return rows.map(({ fromNumber }) => fromNumber);
    },

    /** Returns the stored messages of a chat as number → body. */
    async stored(chat: Chat): Promise<Record<number, string>> {
      const rows = await createMessages(database).range(chat.id, { limit: 10_000 });
      return Object.fromEntries(rows.map(({ number, body }) => [number, body]));
    },

    async close() {
      for (const end of opened.reverse()) await end();
      await closeDatabase();
      await server.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Sends bodies one after another, each in its own batch, and returns their numbers. */
export async function send(acceptor: TestAcceptor, chat: Chat, ...bodies: string[]): Promise<number[]> {
  const numbers: number[] = [];
  for (const body of bodies) {
    const acceptance = await acceptor.submit({ token: chat.token, chat: chat.number, body, requestId: "test" });
    expect(acceptance.kind).to.equal("accepted");
    if (acceptance.kind === "accepted") numbers.push(acceptance.number);
    // Batches with the same millisecond would be in random order.
    await sleep(2);
  }
  return numbers;
}

/** Starts another server for a scenario and stops it afterwards. */
export async function withServer<T>(args: string[], use: (server: ServerHandle) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), "confab-pending-"));
  const server = await startRedis({ dir, args });
  try {
    return await use(server);
  } finally {
    await server.kill();
    await rm(dir, { recursive: true, force: true });
  }
}
