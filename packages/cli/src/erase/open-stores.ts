import type { Environment } from "@confab/config";
import type { Target } from "./target.ts";
import { connectStores, disconnectStores } from "../connect-stores.ts";

const timeoutMs = 5_000;

/** Opens connections to all stores. Throws if Redis does not answer. */
export async function openErasedStores(env: Environment) {
  const stores = await connectStores(env, timeoutMs);
  const { sql, servers, redis, index, partitioning } = stores;
  const { database, pending, search } = stores.modules;
  const close = (): Promise<void> => disconnectStores(stores);
  try {
    await stores.redisReady();
  } catch (error) {
    await close();
    throw error;
  }
  const erasures = database.createErasures(sql);
  const [applications, chats] = [database.createApplications(sql), database.createChats(sql)];
  const marks = pending.createPendingErasure(redis, partitioning);
  return {
    database: sql,
    /** Deletes the target. Resolves to the erasure, or to undefined if the target does not exist. */
    async erase({ token, chat, sender }: Target) {
      if (sender !== undefined) {
        const erasure = await erasures.eraseSender(token, sender, { epochInRedis: await marks.epochOf(token) });
        if (erasure) await marks.beginEpoch(token, erasure.epoch);
        return erasure;
      }
      const erasure = await (chat === undefined ? erasures.eraseApplication(token) : erasures.eraseChat(token, chat));
      if (erasure ?? (await erasures.find(token, chat))) await marks.block(token, chat);
      return erasure;
    },
    /** Returns whether the application or the chat exists, with or without messages of the sender. */
    exists: async ({ token, chat }: Target): Promise<boolean> =>
      (chat === undefined ? await applications.find(token) : await chats.locate(token, chat)) !== undefined,
    /** Returns the erasure of the target, or undefined if there is none. */
    find: ({ token, chat, sender }: Target) =>
      sender === undefined ? erasures.find(token, chat) : erasures.findSender(token, sender),
    redis: servers,
    keyPrefix: partitioning.prefix,
    index: search.isElasticsearch(index) ? index : undefined,
    close,
  };
}
