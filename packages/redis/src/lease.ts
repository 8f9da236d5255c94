import { partitionPrefix } from "./partition-prefix.ts";
import { randomUUID } from "node:crypto";
import type { RedisConnection } from "./connections.ts";
import { askOnce } from "./ask-once.ts";

export interface LeaseOptions {
  /** The name of the work that the lease allows. */
  readonly name: string;
  /** Duration of the lease in ms, by Redis' clock, from the time it was taken or renewed. */
  readonly forMs: number;
  /** The partition whose server stores the lease. */
  readonly partition?: number | undefined;
}

/**
 * Takes or renews a lease. If the remaining time of another holder's lease is longer than its duration, Redis' clock
 * was set back, and that lease is void.
 */
const take = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and redis.call('PTTL', KEYS[1]) <= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

/**
 * Lets only one of all processes do some work. The returned function takes or renews the lease, and resolves to whether
 * this process has it now. It rejects if Redis does not answer within a second. A lease does not rule out that two
 * processes hold it for a moment.
 */
export function createLease(
  redis: RedisConnection,
  prefix: string,
  { name, forMs, partition = 0 }: LeaseOptions,
): () => Promise<boolean> {
  const key = `${partitionPrefix(prefix, partition)}:lease:${name}`;
  const self = randomUUID();
  return askOnce(async () => (await redis.eval(take, 1, key, self, Math.ceil(forMs))) === 1);
}
