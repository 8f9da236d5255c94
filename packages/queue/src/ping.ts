import { partitionPrefix } from "@confab/contracts";
import { Cluster } from "ioredis";
import type { RedisConnection } from "./connections.ts";

export interface RedisPing {
  /** Rejects where no partition's server answers: while some do, their chats are served. */
  readonly some: () => Promise<unknown>;
  /** Rejects where one partition's server does not answer. */
  readonly every: () => Promise<unknown>;
}

/**
 * Asks Redis whether it is there; a cluster by a key of each partition, since any node answers a plain PING. Without a
 * connection it rejects at once and tells why there is none.
 */
export function createRedisPing(redis: RedisConnection, prefix: string, partitions: number): RedisPing {
  let lastError = "not connected yet";
  const onError = (error: Error): void => {
    lastError = error.message;
  };
  redis.on("error", onError).on("node error", onError);

  function answers(): Promise<unknown>[] {
    if (redis.status !== "ready") throw new Error(`no connection to Redis: ${lastError}`);
    return redis instanceof Cluster
      ? Array.from({ length: partitions }, (_, partition) => redis.exists(`${partitionPrefix(prefix, partition)}:ping`))
      : [redis.ping()];
  }
  return {
    some: async () =>
      Promise.any(answers()).catch((error: unknown) => {
        throw error instanceof AggregateError ? error.errors[0] : error;
      }),
    every: async () => Promise.all(answers()),
  };
}
