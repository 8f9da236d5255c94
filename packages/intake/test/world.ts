import { randomUUID } from "node:crypto";
import {
  createApplications,
  createChats,
  createDatabase,
  createMessages,
  createBatchStore,
  migrate,
} from "@confab/database";
import {
  createBacklog,
  createIntake,
  createPendingMessages,
  withScripts,
  type AcceptLimits,
  type Intake,
} from "@confab/intake";
import { connectForRequests, createProducer, whenReady } from "@confab/queue";
import { createTestDatabase, startRedis, uniquePrefix, type ServerHandle } from "@confab/testkit";
import { expect } from "chai";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A guard of a script, as the text that is taken out and what stands there instead. */
export interface Mutation {
  script: "accept" | "complete";
  guard: string;
  without: string;
}

export const noLimits: AcceptLimits = {
  maxPending: 0,
  applicationMessageRate: 0,
  applicationMessageBurst: 0,
  idempotencySeconds: 3600,
  maxIdempotencyKeys: 0,
};

export const noReadLimits = { maxMessages: 1e9, maxBytes: 1e12 };

export interface Chat {
  token: string;
  number: number;
  id: bigint;
}

export type World = Awaited<ReturnType<typeof createWorld>>;

/** A Redis server of its own and a database: what the intake stands on. With a mutation, one of the script's guards is off. */
export async function createWorld(mutation?: Mutation) {
  const dir = await mkdtemp(join(tmpdir(), "confab-intake-"));
  const server = await startRedis({ dir });
  const testDatabase = await createTestDatabase();
  await migrate(testDatabase.url);
  const database = createDatabase({ url: testDatabase.url });
  const [chats, batchStore, messages] = [createChats(database), createBatchStore(database), createMessages(database)];
  const { token } = await createApplications(database).create({ token: randomUUID(), name: "world" });
  const partitioning = { prefix: uniquePrefix("intake"), partitions: 1 };
  const opened: (() => Promise<unknown>)[] = [];

  async function connect(target: { url: string } = server) {
    const redis = withScripts(connectForRequests({ url: target.url }, "test"));
    redis.on("error", () => undefined);
    opened.push(() => {
      redis.disconnect();
      return Promise.resolve();
    });
    if (mutation) {
      const file = new URL(`../src/${mutation.script}.lua`, import.meta.url);
      const source = await readFile(file, "utf8");
      expect(source, "the guard stands in the script").to.include(mutation.guard);
      const name = mutation.script === "accept" ? "confabAccept" : "confabComplete";
      redis.defineCommand(name, { numberOfKeys: 2, lua: source.replace(mutation.guard, mutation.without) });
    }
    await whenReady(redis, 5000);
    const producer = await createProducer({ connection: redis, ...partitioning });
    return {
      redis,
      producer,
      backlog: createBacklog(redis, partitioning, 0),
      pending: createPendingMessages(redis, partitioning),
      intake: (options: Partial<Parameters<typeof createIntake>[0]> = {}): Intake => {
        const intake = createIntake({
          partitioning,
          limits: noLimits,
          redis,
          wake: (partition, batchId) => producer.wakeBatch(partition, batchId),
          loadHead: (application, chat) => chats.locate(application, chat),
          ...options,
        });
        opened.push(() => intake.stop());
        return intake;
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

    async createChat(): Promise<Chat> {
      const chat = await chats.create({ token });
      return { token, number: chat!.number, id: chat!.id };
    },

    /** Stores the oldest pending batches, all by default, as the worker does. */
    async store({ backlog }: Side, limit = 10_000): Promise<void> {
      const ids = await backlog.overdue(0, { offset: 0, limit });
      const { batches, lost } = await backlog.read(ids, noReadLimits);
      expect(lost, "batches without messages").to.deep.equal([]);
      const result = await batchStore.store(
        batches.map((batch) => ({ id: Buffer.from(batch.id, "base64url"), messages: batch.messages })),
      );
      expect(result.conflicts, "numbers that were given out twice").to.deep.equal([]);
      await backlog.complete({ ids });
    },

    /** The stored messages of a chat as number → body. */
    async stored(chat: Chat): Promise<Record<number, string>> {
      const rows = await messages.range(chat.id, { limit: 10_000 });
      return Object.fromEntries(rows.map(({ number, body }) => [number, body]));
    },

    async close() {
      for (const end of opened.reverse()) await end();
      await database.close();
      await testDatabase.drop();
      await server.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Sends bodies one after another; the numbers they got. */
export async function send(intake: Intake, chat: Chat, ...bodies: string[]): Promise<number[]> {
  const numbers: number[] = [];
  for (const body of bodies) {
    const acceptance = await intake.submit({ token: chat.token, chat: chat.number, body, requestId: "test" });
    expect(acceptance.outcome).to.equal("accepted");
    if (acceptance.outcome === "accepted") numbers.push(acceptance.number);
  }
  return numbers;
}

/** Starts another server for a scenario; it ends with the scenario. */
export async function withServer<T>(args: string[], use: (server: ServerHandle) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), "confab-intake-"));
  const server = await startRedis({ dir, args });
  try {
    return await use(server);
  } finally {
    await server.kill();
    await rm(dir, { recursive: true, force: true });
  }
}
