import { partitionPrefix } from "./partition-prefix.ts";
import { Cluster } from "ioredis";
import type { RedisConnection } from "./connections.ts";

export interface RedisPing {
  /** Rejects if no partition's server answers. If only some answer, their chats can still be served. */
  readonly some: () => Promise<unknown>;
  /** Rejects if the server of at least one partition does not answer. */
  readonly every: () => Promise<unknown>;
}

/**
 * Creates checks of whether Redis is available. In a cluster, they use a key in each partition, because any node would
 * answer a plain PING. Without a connection, they reject at once with the reason.
 */
export function createRedisPing(redis: RedisConnection, prefix: string, partitions: number): RedisPing {
  let lastError = "not connected yet";
  const onError = (error: Error): void => {
    lastError = error.message;
  };
  redis.on("error", onError).on("node error", onError);

  function ask(): Promise<unknown>[] {
    if (redis.status !== "ready") throw new Error(`no connection to Redis: ${lastError}`);
    return redis instanceof Cluster
      ? Array.from({ length: partitions }, (_, partition) => redis.exists(`${partitionPrefix(prefix, partition)}:ping`))
      : [redis.ping()];
  }
  let asked: Promise<unknown>[] | undefined;
  /** Returns the pending answers. Checks that run at the same time share them. */
  function answers(): Promise<unknown>[] {
    if (asked === undefined) {
      asked = ask();
      queueMicrotask(() => {
        asked = undefined;
      });
    }
    return asked;
  }
  return {
    some: async () =>
      Promise.any(answers()).catch((error: unknown) => {
        throw error instanceof AggregateError ? error.errors[0] : error;
      }),
    every: async () => Promise.all(answers()),
  };
}
