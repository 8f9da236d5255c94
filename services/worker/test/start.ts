import { loadWorkerConfig } from "@confab/config";
import { createMessages } from "@confab/database";
import { captureLog, testStores, uniquePrefix } from "@confab/testkit";
import { createTestAcceptor, openDatabase } from "@confab/testkit/world";
import { expect } from "chai";
import { pino } from "pino";
import { connectDependencies, openStores } from "../src/dependencies.ts";
import { startWorker } from "../src/worker.ts";

export type Running = Awaited<ReturnType<typeof start>>;

/**
 * Creates a worker in this process with its own database, index and Redis keys, and an acceptor that accepts messages
 * for it.
 */
export async function start(env: Record<string, string> = {}) {
  const { url, database, chats, newApplication, newChat, close: closeDatabase } = await openDatabase(env.DATABASE_URL);
  const prefix = uniquePrefix("worker");
  const config = loadWorkerConfig({
    REDIS_URL: testStores().redisUrl,
    DATABASE_URL: url,
    ELASTICSEARCH_URL: testStores().elasticsearchUrl,
    SEARCH_INDEX: prefix,
    REDIS_KEY_PREFIX: prefix,
    SWEEP_INTERVAL: "100ms",
    BATCH_OVERDUE_AFTER: "300ms",
    ...env,
  });
  const { lines: captured, destination } = captureLog();
  const lines: Record<string, unknown>[] = captured;
  const logger = pino({ messageKey: "message" }, destination);
  const stores = openStores(config, logger);
  const connected = await connectDependencies(stores, config);
  const dependencies = { ...stores, ...connected };
  const token = await newApplication();
  const acceptor = createTestAcceptor({ ...dependencies, partitioning: config.partitioning, chats });
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
    createChat: () => newChat(token),
    /** Creates a chat in a new application. */
    newChat: () => newChat(),
    async send(chat: { number: number }, ...bodies: string[]): Promise<number[]> {
      const answers = await Promise.all(
        bodies.map((body) => acceptor.submit({ token, chat: chat.number, body, requestId: `request-of-${body}` })),
      );
      return answers.map((answer) => {
        if (answer.kind !== "accepted") expect.fail(answer.kind);
        return answer.number;
      });
    },
    /** Sends a message to a chat of any application. */
    async sendTo(chat: { token: string; number: number }, body: string): Promise<void> {
      const answer = await acceptor.submit({ token: chat.token, chat: chat.number, body, requestId: "r" });
      expect(answer.kind).to.equal("accepted");
    },
    /** Removes all message data, and nothing else, from Redis, as if Redis had lost it. */
    async loseMessages(): Promise<void> {
      for (const key of ["batch:*", "records:*", "pending:*", "batches", "head:*", "generation"]) {
        const found = await dependencies.redis.keys(`${prefix}:?p0?:${key}`);
        if (found.length > 0) await dependencies.redis.del(...found);
      }
    },
    submit: (chat: { number: number }, body: string, sender?: string) =>
      acceptor.submit({ token, chat: chat.number, body, sender, requestId: "r" }),
    submitRun: (run: Parameters<typeof acceptor.submitRun>[0]) => acceptor.submitRun(run),
    submitRuns: (runs: Parameters<typeof acceptor.submitRuns>[0]) => acceptor.submitRuns(runs),
    async stored(chat: { id: bigint }): Promise<Record<number, string>> {
      const rows = await createMessages(database).range(chat.id, { limit: 10_000 });
      return Object.fromEntries(rows.map(({ number, body }) => [number, body]));
    },
    /** Returns the documents of a chat's stored messages as they are written to the index. */
    documentsOf: (chat: { id: bigint }) =>
      createMessages(database).inRanges([{ chatId: chat.id, from: 1, to: 10_000 }]),
    async metric(name: string): Promise<number> {
      const found = await dependencies.metrics.registry.getSingleMetric(name)!.get();
      return found.values[0]?.value ?? 0;
    },
    async close() {
      await worker?.stop();
      await acceptor.stop();
      await connected.stop();
      await stores.stop();
      await closeDatabase();
    },
  };
}
