import { keyPrefix, type Partitioning } from "./keys.ts";
import type { RedisConnection } from "./scripts.ts";

/** A partition's messages: those accepted and not yet stored, and those stored since Redis came into being. */
export interface Counts {
  pending: number;
  stored: number;
}

/** One partition's counts, by what its keys begin with. */
export async function countsOf(redis: RedisConnection, prefix: string): Promise<Counts> {
  const [pending, stored] = await redis.mget(`${prefix}pending`, `${prefix}stored`);
  return { pending: Number(pending ?? 0), stored: Number(stored ?? 0) };
}

/** The counts of all partitions together. */
export async function totalCounts(redis: RedisConnection, partitioning: Partitioning): Promise<Counts> {
  const each = await Promise.all(
    Array.from({ length: partitioning.partitions }, (_, partition) =>
      countsOf(redis, keyPrefix(partitioning, partition)),
    ),
  );
  const sum = (name: keyof Counts): number => each.reduce((total, counts) => total + counts[name], 0);
  return { pending: sum("pending"), stored: sum("stored") };
}
