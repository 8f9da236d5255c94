import { setTimeout as pause } from "node:timers/promises";
import type { Redis } from "ioredis";
import { keyPrefix, partitionOf, type Partitioning } from "./keys.ts";
import { serversOf, type RedisConnection } from "@confab/redis";

/** Adds a mark and removes those that are too old, by Redis' clock: the clocks of processes differ. */
const add = `
local now = redis.call('TIME')[1] * 1000
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])`;

/** Requests may arrive in a different order from the one in which they were recorded. */
const raise = `
local epoch = redis.call('HGET', KEYS[1], ARGV[1])
if tonumber(ARGV[2]) > tonumber(epoch or 0) then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end`;

/**
 * Says whether a chat has ranges of open batches. Others are left over from lines of an index that could not be read, and nothing else
 * would remove them. Both keys are declared: while a Redis Cluster moves their slot, it refuses the script if it has only one of them.
 */
const hasPending = `
local size = 1000
for from = 0, redis.call('LLEN', KEYS[1]) - 1, size do
  for _, range in ipairs(redis.call('LRANGE', KEYS[1], from, from + size - 1)) do
    if redis.call('ZSCORE', KEYS[2], string.match(range, '^%d+ %d+ %d+ %S+ (%S+)$') or '') then return 1 end
  end
end
redis.call('UNLINK', KEYS[1])
return 0`;

export type PendingErasure = ReturnType<typeof createPendingErasure>;

/** Longer than any process holds a chat head that it loaded, and than Redis keeps an idle one. */
const markMs = 8 * 24 * 3_600_000;
const scanned = 1_000;
/** So that a scan leaves most of Redis' time to others. */
const scanPauseMs = 2;

/**
 * Erases what Redis holds of deleted chats and applications. Their pending messages are not touched: the worker drops them when it
 * stores their batches.
 */
export function createPendingErasure(redis: RedisConnection, partitioning: Partitioning) {
  const prefixOf = (token: string, chat: number): string =>
    keyPrefix(partitioning, partitionOf(partitioning, token, chat));
  const prefixes = Array.from({ length: partitioning.partitions }, (_, partition) =>
    keyPrefix(partitioning, partition),
  );

  return {
    /**
     * Blocks the chat or, without a number, all chats of the application: no message is accepted for them from now on.
     * Their heads are not trusted, and MySQL does not have them any more.
     */
    async block(token: string, chat?: number): Promise<void> {
      const member = chat === undefined ? token : `${token}:${chat}`;
      const marked = chat === undefined ? prefixes : [prefixOf(token, chat)];
      await Promise.all(marked.map((prefix) => redis.eval(add, 1, `${prefix}erased`, member, markMs)));
    },

    /**
     * Returns the latest epoch in which a message of the application can have been accepted, as far as Redis knows; 0
     * if it knows none.
     */
    async epochOf(token: string): Promise<number> {
      const found = await Promise.all(prefixes.map((prefix) => redis.hget(`${prefix}epochs`, token)));
      return Math.max(...found.map(Number));
    },

    /** From now on the messages of the application are accepted in this epoch, or in a later one. */
    async beginEpoch(token: string, epoch: number): Promise<void> {
      await Promise.all(prefixes.map((prefix) => redis.eval(raise, 1, `${prefix}epochs`, token, epoch)));
    },

    /** Returns which of the chats have pending messages. Removes what is left of the lists of the others. */
    async pendingAmong(token: string, chats: readonly number[]): Promise<Set<number>> {
      const answers = await Promise.all(
        chats.map((chat) => {
          const prefix = prefixOf(token, chat);
          return redis.eval(hasPending, 2, `${prefix}pending:${token}:${chat}`, `${prefix}batches`);
        }),
      );
      return new Set(chats.filter((_, at) => answers[at] !== 0));
    },

    /** Removes the heads of the chats, and returns how many there were. */
    async forgetChats(token: string, chats: readonly number[]): Promise<number> {
      const removed = await Promise.all(
        chats.map((chat) => redis.unlink(`${prefixOf(token, chat)}head:${token}:${chat}`)),
      );
      return removed.reduce((total, count) => total + count, 0);
    },

    /**
     * Removes every other key of an application: idempotency keys and rate limits. Scans all keys, because the names of most of
     * them are not known, and returns how many it removed.
     */
    async forgetApplication(token: string): Promise<number> {
      let removed = 0;
      await Promise.all(prefixes.map((prefix) => redis.hdel(`${prefix}epochs`, token)));
      for (const server of serversOf(redis)) {
        for await (const keys of keysOf(server, `${partitioning.prefix}:{p*}:*:${token}*`)) {
          removed += (await Promise.all(keys.map((key) => redis.unlink(key)))).reduce((total, one) => total + one, 0);
        }
      }
      return removed;
    },
  };
}

async function* keysOf(server: Redis, pattern: string): AsyncGenerator<string[]> {
  let cursor = "0";
  do {
    const [next, keys] = await server.scan(cursor, "MATCH", pattern, "COUNT", scanned);
    cursor = next;
    if (keys.length > 0) yield keys;
    else await pause(scanPauseMs);
  } while (cursor !== "0");
}
