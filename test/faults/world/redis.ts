import { join } from "node:path";
import {
  startRedisCluster,
  startRedisSentinel,
  type RedisCluster,
  type RedisSentinel,
  type ServerHandle,
} from "@confab/testkit";
import { startOwnRedis } from "./stores.ts";

/**
 * The setup of Redis: one server behind proxies, a cluster of three masters, or a master with two replicas and three
 * Sentinels. Processes connect to a cluster and to Sentinels directly.
 */
export type RedisKind = "single" | "cluster" | "sentinels";

export interface OwnRedis {
  /** The only Redis server, or the first master if there are several servers. */
  readonly server: ServerHandle;
  readonly cluster?: RedisCluster;
  readonly sentinels?: RedisSentinel;
  /**
   * Variables for processes that connect without a proxy, because the servers announce their own addresses; undefined
   * behind proxies.
   */
  readonly env: Readonly<Record<string, string>> | undefined;
  stop(): Promise<unknown>;
}

/** Number of partitions in a cluster. Each master has one. */
export const partitionsOfCluster = 3;

/** Starts the Redis setup for one run. */
export async function startRedisOf(kind: RedisKind, dir: string, args: readonly string[] = []): Promise<OwnRedis> {
  if (kind === "single") {
    const server = await startOwnRedis(dir, args);
    return { server, env: undefined, stop: () => server.kill() };
  }
  if (kind === "sentinels") {
    const sentinels = await startRedisSentinel({ dir: join(dir, "redis-sentinels"), minReplicas: 1 });
    return {
      server: sentinels.servers[0]!,
      sentinels,
      env: { REDIS_SENTINELS: sentinels.sentinels, REDIS_MASTER_NAME: sentinels.masterName },
      stop: () => sentinels.stop(),
    };
  }
  const cluster = await startRedisCluster({ dir: join(dir, "redis-cluster") });
  return {
    server: cluster.nodes[0]!,
    cluster,
    env: { REDIS_URL: cluster.url, REDIS_CLUSTER: "on", PARTITIONS: String(partitionsOfCluster) },
    stop: () => cluster.stop(),
  };
}
