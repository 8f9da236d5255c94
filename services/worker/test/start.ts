import { randomUUID } from "node:crypto";
import { createApplications, createChats, createDatabase, createMessages, migrate } from "@confab/database";
import { createIntake } from "@confab/intake";
import { createTestDatabase, testStores, uniquePrefix } from "@confab/testkit";
import { expect } from "chai";
import { pino } from "pino";
import { loadConfig } from "../src/config.ts";
import { connectDependencies, openStores } from "../src/dependencies.ts";
import { startWorker } from "../src/worker.ts";

export type Running = Awaited<ReturnType<typeof start>>;

/**
 * Creates a worker in this process with its own database, index and Redis keys, and an intake that accepts messages for
 * it.
 */
export async function start(env: Record<string, string> = {}) {
  const testDatabase = env.DATABASE_URL === undefined ? await createTestDatabase() : undefined;
  const directUrl = testDatabase?.url ?? env.DATABASE_URL!;
  const database = createDatabase({ url: directUrl });
  const prefix = uniquePrefix("worker");
  const config = loadConfig({
    REDIS_URL: testStores().redisUrl,
    DATABASE_URL: directUrl,
    ELASTICSEARCH_URL: testStores().elasticsearchUrl,
    SEARCH_INDEX: prefix,
    REDIS_KEY_PREFIX: prefix,
    SWEEP_INTERVAL: "100ms",
    BATCH_OVERDUE_AFTER: "300ms",
    ...env,
  });
  if (testDatabase) await migrate(testDatabase.url);

  const lines: Record<string, unknown>[] = [];
  const logger = pino(
    { messageKey: "message" },
    { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const stores = openStores(config, logger);
  const connected = await connectDependencies(stores, config);
  const dependencies = { ...stores, ...connected };
  const { producer } = dependencies;
  const chats = createChats(database);
  const { token } = await createApplications(database).create({ token: randomUUID(), name: "worker" });
  const intake = createIntake({
    partitioning: config.partitioning,
    limits: {
      maxPending: 0,
      applicationMessageRate: 0,
      applicationMessageBurst: 0,
      idempotencySeconds: 60,
      maxIdempotencyKeys: 0,
    },
    redis: dependencies.redis,
    wake: (partition, batchId) => producer.wakeBatch(partition, batchId),
    loadHead: (application, chat) => chats.locate(application, chat),
  });
  let worker: ReturnType<typeof startWorker> | undefined;

  return {
    ...dependencies,
    config,
    prefix: `${prefix}:{p0}:`,
    direct: database,
    token,
    lines,
    logger,
    chats,
    run() {
      worker = startWorker({ ...dependencies, config, logger });
    },
    async pause() {
      await worker?.stop();
      worker = undefined;
    },
    async createChat() {
      return (await chats.create({ token }))!;
    },
    async send(chat: { number: number }, ...bodies: string[]): Promise<number[]> {
      const answers = await Promise.all(
        bodies.map((body) => intake.submit({ token, chat: chat.number, body, requestId: `request-of-${body}` })),
      );
      return answers.map((answer) => {
        if (answer.outcome !== "accepted") expect.fail(answer.outcome);
        return answer.number;
      });
    },
    submit: (chat: { number: number }, body: string) =>
      intake.submit({ token, chat: chat.number, body, requestId: "r" }),
    submitRun: (run: Parameters<typeof intake.submitRun>[0]) => intake.submitRun(run),
    async stored(chat: { id: bigint }): Promise<Record<number, string>> {
      const rows = await createMessages(database).range(chat.id, { limit: 10_000 });
      return Object.fromEntries(rows.map(({ number, body }) => [number, body]));
    },
    async metric(name: string): Promise<number> {
      const found = await dependencies.metrics.registry.getSingleMetric(name)!.get();
      return found.values[0]?.value ?? 0;
    },
    async close() {
      await worker?.stop();
      await intake.stop();
      await connected.stop();
      await stores.stop();
      await database.close();
      await testDatabase?.drop();
    },
  };
}
