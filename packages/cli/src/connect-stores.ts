import type { Environment } from "@confab/config";
import { allStores } from "./stores.ts";

export type ConnectedStores = Awaited<ReturnType<typeof connectStores>>;

/**
 * Opens connections to all stores. Imports their clients only when it is called, because the import takes longer than
 * most commands run. It succeeds even if a store is unavailable; `redisReady` rejects if Redis does not answer in time.
 */
export async function connectStores(env: Environment, timeoutMs: number) {
  const [database, pending, queue, { connectForRequests, serversOf, whenReady }, search] = await Promise.all([
    import("@confab/database"),
    import("@confab/pending"),
    import("@confab/queue"),
    import("@confab/redis"),
    import("@confab/search"),
  ]);
  const settings = allStores(env);
  const redis = connectForRequests(settings.redis, "confabctl", { timeoutMs });
  redis.on("error", () => undefined);
  const sql = database.createDatabase({ ...settings.database, poolSize: 3, acquireTimeoutMs: timeoutMs });
  const messages = database.createMessages(sql);
  return {
    modules: { database, pending, queue, search },
    partitioning: settings.partitioning,
    redis,
    servers: () => serversOf(redis),
    redisReady: (): Promise<unknown> => whenReady(redis, timeoutMs),
    sql,
    messages,
    index: search.createSearchIndex({ ...settings.search, messages }),
  };
}

/** Closes the connections to all stores. */
export async function disconnectStores({
  redis,
  sql,
  index,
}: Pick<ConnectedStores, "redis" | "sql" | "index">): Promise<void> {
  redis.disconnect();
  await Promise.all([sql.close(), index.close()]);
}
