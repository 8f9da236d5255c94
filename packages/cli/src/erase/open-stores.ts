import type { Environment } from "@confab/config";
import type { Target } from "./target.ts";
import { allStores } from "../stores.ts";

const timeoutMs = 5_000;

/** Connections to all stores. Throws if Redis does not answer. */
export async function openErasedStores(env: Environment) {
  const [database, intake, queue, search] = await Promise.all([
    import("@confab/database"),
    import("@confab/intake"),
    import("@confab/queue"),
    import("@confab/search"),
  ]);
  const settings = allStores(env);
  const redis = queue.connectForRequests(settings.redis, "confabctl", { timeoutMs });
  redis.on("error", () => undefined);
  const sql = database.createDatabase({ ...settings.database, poolSize: 3, acquireTimeoutMs: timeoutMs });
  const index = search.createSearchIndex({ ...settings.search, messages: database.createMessages(sql) });
  const close = async (): Promise<void> => {
    redis.disconnect();
    await Promise.all([sql.close(), index.close()]);
  };
  try {
    await queue.whenReady(redis, timeoutMs);
  } catch (error) {
    await close();
    throw error;
  }
  const erasures = database.createErasures(sql);
  const marks = intake.createIntakeErasure(redis, settings.partitioning);
  return {
    database: sql,
    /** Deletes the target. Resolves with undefined if it does not exist. */
    async erase({ token, chat, sender }: Target) {
      if (sender !== undefined) return erasures.eraseSender(token, sender);
      const erasure = await (chat === undefined ? erasures.eraseApplication(token) : erasures.eraseChat(token, chat));
      if (erasure) await marks.mark(token, chat);
      return erasure;
    },
    /** The erasure of the target; undefined if there is none. */
    find: ({ token, chat, sender }: Target) =>
      sender === undefined ? erasures.find(token, chat) : erasures.findSender(token, sender),
    redis: () => queue.serversOf(redis),
    keyPrefix: settings.partitioning.prefix,
    index: search.isElasticsearch(index) ? index : undefined,
    close,
  };
}
