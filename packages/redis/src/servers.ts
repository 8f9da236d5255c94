import { Cluster, type Redis } from "ioredis";
import type { RedisConnection } from "./connections.ts";

/** Returns all servers that accept writes: the single server, or the currently known masters of a cluster. */
export function serversOf(redis: RedisConnection): Redis[] {
  return redis instanceof Cluster ? redis.nodes("master") : [redis];
}
