import { partitionPrefix } from "./partition-prefix.ts";
import { randomUUID } from "node:crypto";
import type { RedisConnection } from "./connections.ts";
import { askOnce } from "./ask-once.ts";

export interface LeaseOptions {
  /** The name of the work that the lease allows. */
  readonly name: string;
  /** How long it lasts from when it was taken or renewed, by Redis' clock, in milliseconds. */
  readonly forMs: number;
  /** The partition whose server keeps it. */
  readonly partition?: number | undefined;
}

/** A lease that lasts longer than it was given for shows that Redis' clock was set back. It is void. */
const take = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and redis.call('PTTL', KEYS[1]) <= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

/**
 * Lets one of all processes do what all of them could do. The returned function takes the lease or renews it, and resolves to whether
 * this process has it now. It rejects if Redis does not answer within a second. A lease does not exclude that two processes hold it for a
 * moment.
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
