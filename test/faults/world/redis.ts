import { join } from "node:path";
import { startRedisCluster, type RedisCluster, type ServerHandle } from "@confab/testkit";
import { startOwnRedis } from "./stores.ts";

/** How Redis is set up: one server behind proxies, or a cluster of three masters, which is reached directly. */
export type RedisKind = "single" | "cluster";

export interface OwnRedis {
  /** The server; of a cluster the first master. */
  readonly server: ServerHandle;
  readonly cluster: RedisCluster | undefined;
  /** Where processes reach it without a proxy: members of a cluster name each other's addresses. */
  readonly env: Readonly<Record<string, string>> | undefined;
  stop(): Promise<unknown>;
}

/** Partitions of a cluster's chats, so that each master has some. */
export const partitionsOfCluster = 3;

/** A Redis for one run. */
export async function startRedisOf(kind: RedisKind, dir: string, args: readonly string[] = []): Promise<OwnRedis> {
  if (kind === "single") {
    const server = await startOwnRedis(dir, args);
    return { server, cluster: undefined, env: undefined, stop: () => server.kill() };
  }
  const cluster = await startRedisCluster({ dir: join(dir, "redis-cluster") });
  return {
    ...{ server: cluster.nodes[0]!, cluster },
    env: { REDIS_URL: cluster.url, REDIS_CLUSTER: "on", PARTITIONS: String(partitionsOfCluster) },
    stop: () => cluster.stop(),
  };
}
