import type { Environment } from "@confab/config";
import { connectStores, disconnectStores } from "../connect-stores.ts";

export type OpenStores = Awaited<ReturnType<typeof openStores>>;

const timeoutMs = 2_000;

/** Opens connections to all stores for several snapshots. Succeeds even if a store is unavailable. */
export async function openStores(env: Environment) {
  const stores = await connectStores(env, timeoutMs);
  const { partitioning, servers, sql, messages, index } = stores;
  const { database, pending, queue } = stores.modules;
  const redis = pending.withScripts(stores.redis);
  let lastError: string | undefined;
  redis.on("error", (error: Error) => (lastError = error.message));
  redis.on("ready", () => (lastError = undefined));
  await stores.redisReady().catch(() => undefined);

  return {
    chats: database.createChats(sql),
    messages,
    deadLetters: database.createDeadLetters(sql),
    batches: database.createBatchStore(sql),
    outbox: database.createOutbox(sql),
    search: index,
    backlogs: Array.from({ length: partitioning.partitions }, (_, partition) =>
      pending.createBacklog(redis, partitioning, partition),
    ),
    pending: pending.createPendingMessages(redis, partitioning),
    batchIdOf: pending.batchIdOf,
    acceptedAt: pending.acceptedAt,
    totals: () => pending.totalCounts(redis, partitioning),
    queueDepths: () => queue.queueDepths(redis, partitioning.prefix, partitioning.partitions),
    servers,
    async workers(): Promise<number | null> {
      try {
        const lists = await Promise.all(servers().map((server) => server.client("LIST")));
        // In a cluster, every worker is connected to every node, so the counts of the nodes are not added up.
        return Math.max(0, ...lists.map((list) => String(list).match(/ name=confab-worker /g)?.length ?? 0));
      } catch {
        return null;
      }
    },
    /**
     * Returns the error of a driver as a sentence. For a command that was not sent to Redis, it returns the error of
     * the connection instead.
     */
    reasonOf: (error: unknown): string => {
      const reason = database.reasonOf(error);
      return /stream isn't writeable|enableOfflineQueue|connection is closed/i.test(reason)
        ? (lastError ?? reason)
        : reason;
    },
    close: () => disconnectStores(stores),
  };
}
