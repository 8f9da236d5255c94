import type { RedisConnection } from "@confab/redis";
import { keyPrefix, type Partitioning } from "./keys.ts";

/** A partition's messages: those pending, and those stored since Redis was empty. */
export interface Counts {
  readonly pending: number;
  readonly stored: number;
}

/** Returns the counts of one partition, given its key prefix. */
export async function countsOf(redis: RedisConnection, prefix: string): Promise<Counts> {
  const [pending, stored] = await redis.mget(`${prefix}pending`, `${prefix}stored`);
  return { pending: Number(pending ?? 0), stored: Number(stored ?? 0) };
}

/** Returns the sums of the counts over all partitions. */
export async function totalCounts(redis: RedisConnection, partitioning: Partitioning): Promise<Counts> {
  const each = await Promise.all(
    Array.from({ length: partitioning.partitions }, (_, partition) =>
      countsOf(redis, keyPrefix(partitioning, partition)),
    ),
  );
  const sum = (name: keyof Counts): number => each.reduce((total, counts) => total + counts[name], 0);
  return { pending: sum("pending"), stored: sum("stored") };
}
