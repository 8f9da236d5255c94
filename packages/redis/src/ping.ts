import { partitionPrefix } from "./partition-prefix.ts";
import { Cluster } from "ioredis";
import type { RedisConnection } from "./connections.ts";

export interface RedisPing {
  /** Rejects if no partition's server answers. As long as some answer, their chats are served. */
  readonly some: () => Promise<unknown>;
  /** Rejects if the server of any partition does not answer. */
  readonly every: () => Promise<unknown>;
}

/**
 * Checks whether Redis is available, in a cluster by a key of each partition, because any node would answer a plain
 * PING. Without a connection it rejects at once with the reason.
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
  /** Both checks run at the same moment and share the answers. */
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
