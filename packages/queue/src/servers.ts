import { Cluster, type Redis } from "ioredis";
import type { RedisConnection } from "./connections.ts";

/** Every server that is written to: the one, or a cluster's masters as the connection knows them now. */
export function serversOf(redis: RedisConnection): Redis[] {
  return redis instanceof Cluster ? redis.nodes("master") : [redis];
}
