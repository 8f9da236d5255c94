import type { Environment } from "@confab/runtime";
import { allStores } from "../stores.ts";

export type OpenStores = Awaited<ReturnType<typeof openStores>>;

const PATIENCE_MS = 2_000;

/** Connections to all stores that are kept from look to look; opening them fails for none that is away. */
export async function openStores(env: Environment) {
  const [database, intake, queue, search] = await Promise.all([
    import("@confab/database"),
    import("@confab/intake"),
    import("@confab/queue"),
    import("@confab/search"),
  ]);
  const settings = allStores(env);
  const { partitioning } = settings;
  const redis = intake.withScripts(queue.connectForRequests(settings.redis, "confabctl", { patienceMs: PATIENCE_MS }));
  let lastError: string | undefined;
  redis.on("error", (error: Error) => (lastError = error.message));
  redis.on("ready", () => (lastError = undefined));
  await queue.whenReady(redis, PATIENCE_MS).catch(() => undefined);
  const sql = database.createDatabase({ ...settings.database, poolSize: 3, acquireTimeoutMs: PATIENCE_MS });
  const index = search.createSearchIndex({ ...settings.search, scan: database.createMessages(sql).newest });

  return {
    database: sql,
    outbox: database.createOutbox(sql),
    search: index,
    backlogs: Array.from({ length: partitioning.partitions }, (_, partition) =>
      intake.createBacklog(redis, partitioning, partition),
    ),
    pending: intake.createPendingMessages(redis, partitioning),
    totals: () => intake.totalCounts(redis, partitioning),
    queueDepths: () => queue.queueDepths(redis, partitioning.prefix, partitioning.partitions),
    servers: () => queue.serversOf(redis),
    async workers(): Promise<number | null> {
      try {
        const lists = await Promise.all(queue.serversOf(redis).map((server) => server.client("LIST")));
        // On a cluster a worker is connected to every node.
        return Math.max(0, ...lists.map((list) => String(list).match(/ name=confab-worker /g)?.length ?? 0));
      } catch {
        return null;
      }
    },
    /** A driver's error as a sentence; of Redis what its connection suffers from, not that a command was not sent. */
    reasonOf: (error: unknown): string => {
      const reason = database.reasonOf(error);
      return /stream isn't writeable|enableOfflineQueue|connection is closed/i.test(reason)
        ? (lastError ?? reason)
        : reason;
    },
    async close(): Promise<void> {
      redis.disconnect();
      await Promise.all([sql.close(), index.close()]);
    },
  };
}
