import type { Logger } from "@confab/runtime";
import { Cluster, Redis, type CommonRedisOptions } from "ioredis";
import { addressOptions, clusterNodes, type RedisAddress } from "./address.ts";

/** To one server or to a cluster: commands and pipelines of one partition work the same on both. */
export type RedisConnection = Redis | Cluster;

// Back within a second of Redis being back, without a storm while it is away.
const retryDelay = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 4), 500);
const shared = { connectTimeout: 2000, maxRetriesPerRequest: null } satisfies CommonRedisOptions;

/**
 * A connection for requests: it fails at once while Redis is away instead of piling commands up; on a cluster within about
 * 500 ms, the time that a failover's news may need. What was sent and not yet answered is sent again after a reconnect, so
 * every script on it must bear a resend. With `patienceMs`, a command that is not answered in this time rejects.
 */
export function connectForRequests(
  address: RedisAddress,
  name: string,
  { patienceMs }: { patienceMs?: number } = {},
): RedisConnection {
  const options = { ...shared, connectionName: name, commandTimeout: patienceMs };
  return connect(address, options, { enableOfflineQueue: false, maxRedirections: 5 });
}

/** A connection for background work: it waits for Redis to come back, on a cluster for about a minute a command. */
export function connectForWork(address: RedisAddress, name: string): RedisConnection {
  return connect(address, { ...shared, connectionName: name }, { enableOfflineQueue: true, maxRedirections: 600 });
}

type NodeOptions = typeof shared & Pick<CommonRedisOptions, "connectionName" | "commandTimeout">;

function connect(
  address: RedisAddress,
  options: NodeOptions,
  manner: { enableOfflineQueue: boolean; maxRedirections: number },
): RedisConnection {
  const { enableOfflineQueue } = manner;
  if (address.cluster !== true) {
    return new Redis({ ...options, ...addressOptions(address), retryStrategy: retryDelay, enableOfflineQueue });
  }
  const { login, nodes } = clusterNodes(address);
  return new Cluster(nodes, {
    ...manner,
    redisOptions: { ...options, ...login },
    clusterRetryStrategy: retryDelay,
    retryDelayOnFailover: 100,
    retryDelayOnClusterDown: 100,
    // Time for the map of slots to be read anew before the pipeline is sent again.
    retryDelayOnMoved: 50,
    slotsRefreshInterval: 5000,
    // A certificate names hosts: with TLS they are not to be replaced by their addresses.
    ...(login.tls && {
      dnsLookup: (host, done) => {
        done(null, host);
      },
    }),
  });
}

/** Resolves when the connection is ready for its first command; rejects with one sentence after `timeoutMs`. */
export async function whenReady(redis: RedisConnection, timeoutMs: number): Promise<void> {
  if (redis.status === "ready") return;
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  let lastError = "no connection";
  const onReady = (): void => {
    resolve(undefined);
  };
  const onError = (error: Error): void => {
    lastError = error.message;
  };
  const timer = setTimeout(() => {
    reject(
      new Error(`Redis did not answer within ${timeoutMs} ms: ${lastError}. Is REDIS_URL right and the server up?`),
    );
  }, timeoutMs);
  redis.once("ready", onReady).on("error", onError).on("node error", onError);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    redis.off("ready", onReady).off("error", onError).off("node error", onError);
  }
}

/**
 * Resolves when the connection is ready for its first command, however long that takes; logs what is waited for after 2 s
 * and then every 30 s. A process that gave up would be started again and again, and each time later.
 */
export async function waitForRedis(redis: RedisConnection, logger: Pick<Logger, "warn">): Promise<void> {
  for (let patienceMs = 2_000; redis.status !== "ready"; patienceMs = 30_000) {
    await whenReady(redis, patienceMs).catch((error: unknown) => {
      logger.warn({ err: error }, "waiting for Redis");
    });
  }
}
