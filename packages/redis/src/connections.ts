import { withTimeout } from "@confab/async";
import type { Logger } from "@confab/runtime";
import { Cluster, Redis, type CommonRedisOptions } from "ioredis";
import { addressOptions, clusterNodes, sentinelOptions, type RedisAddress } from "./address.ts";

/** A connection to a single server or to a cluster. Commands and pipelines for one partition work the same on both. */
export type RedisConnection = Redis | Cluster;

// Reconnects within a second after Redis is available again, without a storm of attempts before that.
const retryDelay = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 4), 500);
const shared = { connectTimeout: 2000, maxRetriesPerRequest: null } satisfies CommonRedisOptions;

/**
 * Time in ms that a server may be silent while an answer is pending. TCP itself needs about 15 minutes to detect a
 * vanished host, and until then commands pile up in the client.
 */
const silenceMs = { work: 5_000, waiting: 12_000 };
/** Time in ms between a request's deadline and the replacement of its silent connection. */
const graceMs = 600;

/**
 * Opens a connection for requests. While Redis is unavailable, commands fail at once instead of being queued. On a
 * cluster they fail within about 500 ms, because news of a failover may take that long. Unanswered commands are sent
 * again after a reconnect, so every script must tolerate a resend. With `timeoutMs`, a command that is not answered
 * within this time rejects. If an answer is pending and the server is silent for longer than `deadlineMs` (default:
 * `timeoutMs`) and a grace period, the connection is replaced.
 */
export function connectForRequests(
  address: RedisAddress,
  name: string,
  { timeoutMs, deadlineMs = timeoutMs ?? 1_000 }: { timeoutMs?: number; deadlineMs?: number } = {},
): RedisConnection {
  const socketTimeout = deadlineMs + graceMs;
  const options = { ...shared, connectionName: name, commandTimeout: timeoutMs, socketTimeout };
  return connect(address, options, { enableOfflineQueue: false, maxRedirections: 5 });
}

/**
 * Opens a connection for background work. Commands wait until Redis is available again, but on a cluster only for about
 * a minute.
 */
export function connectForWork(address: RedisAddress, name: string): RedisConnection {
  const options = { ...shared, connectionName: name, socketTimeout: silenceMs.work };
  return connect(address, options, { enableOfflineQueue: true, maxRedirections: 600 });
}

/**
 * Opens a connection for BullMQ's Workers. They wait for jobs on duplicates of it, which may be silent for up to ten
 * seconds, the maximum time that a Worker waits. On the connection itself they take jobs and renew locks, which Redis
 * answers immediately.
 */
export function connectForConsumers(address: RedisAddress, name: string): RedisConnection {
  const redis = connectForWork(address, name);
  const socketTimeout = silenceMs.waiting;
  if (redis instanceof Cluster) {
    const duplicate = redis.duplicate.bind(redis);
    const patient: Cluster["duplicate"] = (nodes, options) =>
      duplicate(nodes, { ...options, redisOptions: { ...options?.redisOptions, socketTimeout } });
    redis.duplicate = patient;
  } else {
    const duplicate = redis.duplicate.bind(redis);
    const patient: Redis["duplicate"] = (options) => duplicate({ ...options, socketTimeout });
    redis.duplicate = patient;
  }
  return redis;
}

/**
 * Replaces a connection, even if commands are pending. Does nothing if it is not ready, for example because it is
 * already reconnecting.
 */
export function reconnect(redis: RedisConnection): void {
  // While ioredis is querying Sentinels, a disconnect would end the connection for good.
  if (redis.status === "ready") redis.disconnect(true);
}

/** Returns true for an error from a server that has become a replica. Another server is or will be the master. */
const isDemoted = ({ message }: Error): boolean => /^(READONLY|UNBLOCKED|MASTERDOWN)\b/.test(message);

type NodeOptions = typeof shared & Pick<CommonRedisOptions, "connectionName" | "commandTimeout" | "socketTimeout">;

function connect(
  address: RedisAddress,
  options: NodeOptions,
  behaviour: { enableOfflineQueue: boolean; maxRedirections: number },
): RedisConnection {
  const { enableOfflineQueue } = behaviour;
  if (address.cluster !== true) {
    const { sentinel } = address;
    const server = sentinel ? sentinelOptions(address, sentinel) : addressOptions(address);
    const sentinels = { sentinelRetryStrategy: retryDelay, sentinelCommandTimeout: shared.connectTimeout };
    const strategy = { retryStrategy: retryDelay, reconnectOnError: isDemoted, enableOfflineQueue };
    return new Redis({ ...options, ...strategy, ...sentinels, ...server });
  }
  const { login, nodes } = clusterNodes(address);
  return new Cluster(nodes, {
    ...behaviour,
    redisOptions: { ...options, ...login },
    clusterRetryStrategy: retryDelay,
    retryDelayOnFailover: 100,
    retryDelayOnClusterDown: 100,
    // Leaves time to refresh the slot map before the pipeline is sent again.
    retryDelayOnMoved: 50,
    slotsRefreshInterval: 5000,
    // With TLS, host names must not be replaced by IP addresses, because certificates contain host names.
    ...(login.tls && {
      dnsLookup: (host, done) => {
        done(null, host);
      },
    }),
  });
}

/**
 * Resolves when the connection is ready for its first command. After `timeoutMs`, rejects with a message for the
 * operator.
 */
export async function whenReady(redis: RedisConnection, timeoutMs: number): Promise<void> {
  if (redis.status === "ready") return;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let lastError = "no connection";
  const onReady = (): void => {
    resolve(undefined);
  };
  const onError = (error: Error): void => {
    lastError = error.message;
  };
  const late = (): Error =>
    new Error(
      `Redis did not answer within ${timeoutMs} ms: ${lastError}. Check REDIS_URL and that the server is running.`,
    );
  redis.once("ready", onReady).on("error", onError).on("node error", onError);
  try {
    await withTimeout(promise, timeoutMs, late);
  } finally {
    redis.off("ready", onReady).off("error", onError).off("node error", onError);
  }
}

/**
 * Resolves when the connection is ready for its first command, however long that takes. Logs that it is waiting after 2
 * s, and then every 30 s. If the process exited instead, it would be restarted again and again, after increasing
 * delays.
 */
export async function waitForRedis(redis: RedisConnection, logger: Pick<Logger, "warn">): Promise<void> {
  for (let timeoutMs = 2_000; redis.status !== "ready"; timeoutMs = 30_000) {
    await whenReady(redis, timeoutMs).catch((error: unknown) => {
      logger.warn({ err: error }, "waiting for Redis");
    });
  }
}
