import { withTimeout } from "@confab/runtime";
import type { Logger } from "@confab/runtime";
import { Cluster, Redis, type CommonRedisOptions } from "ioredis";
import { addressOptions, clusterNodes, sentinelOptions, type RedisAddress } from "./address.ts";

/** To one server or to a cluster: commands and pipelines of one partition work the same on both. */
export type RedisConnection = Redis | Cluster;

// Back within a second of Redis being back, without a storm while it is unavailable.
const retryDelay = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 4), 500);
const shared = { connectTimeout: 2000, maxRetriesPerRequest: null } satisfies CommonRedisOptions;

/**
 * How long a server may owe an answer and send nothing. TCP itself notices a host that vanished after a quarter of an hour;
 * until then whatever is sent piles up in the client.
 */
const silenceMs = { work: 5_000, waiting: 12_000 };
/** Added to the time after which nobody waits for an answer any more. */
const graceMs = 600;

/**
 * A connection for requests: it fails at once while Redis is unavailable instead of piling commands up; on a cluster within
 * about 500 ms, the time that a failover's news may need. What was sent and not yet answered is sent again after a reconnect,
 * so every script on it must bear a resend. With `patienceMs`, a command that is not answered in this time rejects. A server
 * that owes an answer and is silent for longer than `deadlineMs` (or the patience) gets a new connection.
 */
export function connectForRequests(
  address: RedisAddress,
  name: string,
  { patienceMs, deadlineMs = patienceMs ?? 1_000 }: { patienceMs?: number; deadlineMs?: number } = {},
): RedisConnection {
  const socketTimeout = deadlineMs + graceMs;
  const options = { ...shared, connectionName: name, commandTimeout: patienceMs, socketTimeout };
  return connect(address, options, { enableOfflineQueue: false, maxRedirections: 5 });
}

/** A connection for background work: it waits for Redis to come back, on a cluster for about a minute per command. */
export function connectForWork(address: RedisAddress, name: string): RedisConnection {
  const options = { ...shared, connectionName: name, socketTimeout: silenceMs.work };
  return connect(address, options, { enableOfflineQueue: true, maxRedirections: 600 });
}

/**
 * A connection for BullMQ's Workers. They wait for jobs on duplicates of it, which may be silent for the ten seconds that a
 * Worker waits at most; on it they take jobs and renew locks, which is answered at once.
 */
export function connectForConsumers(address: RedisAddress, name: string): RedisConnection {
  const redis = connectForWork(address, name);
  const socketTimeout = silenceMs.waiting;
  if (redis instanceof Cluster) {
    const duplicate = redis.duplicate.bind(redis);
    redis.duplicate = (nodes, options) =>
      duplicate(nodes, { ...options, redisOptions: { ...options?.redisOptions, socketTimeout } });
  } else {
    const duplicate = redis.duplicate.bind(redis);
    redis.duplicate = (options) => duplicate({ ...options, socketTimeout });
  }
  return redis;
}

/** Replaces a connection, whatever it waits for; one that is being made already is left to that. */
export function reconnect(redis: RedisConnection): void {
  // Where Sentinels are being asked, ioredis takes a disconnect for the end.
  if (redis.status === "ready") redis.disconnect(true);
}

/** What a server says that is a replica now: the master is another one, or will be. */
const isDemoted = ({ message }: Error): boolean => /^(READONLY|UNBLOCKED|MASTERDOWN)\b/.test(message);

type NodeOptions = typeof shared & Pick<CommonRedisOptions, "connectionName" | "commandTimeout" | "socketTimeout">;

function connect(
  address: RedisAddress,
  options: NodeOptions,
  manner: { enableOfflineQueue: boolean; maxRedirections: number },
): RedisConnection {
  const { enableOfflineQueue } = manner;
  if (address.cluster !== true) {
    const { sentinel } = address;
    const server = sentinel ? sentinelOptions(address, sentinel) : addressOptions(address);
    const sentinels = { sentinelRetryStrategy: retryDelay, sentinelCommandTimeout: shared.connectTimeout };
    const strategy = { retryStrategy: retryDelay, reconnectOnError: isDemoted, enableOfflineQueue };
    return new Redis({ ...options, ...strategy, ...sentinels, ...server });
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
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let lastError = "no connection";
  const onReady = (): void => {
    resolve(undefined);
  };
  const onError = (error: Error): void => {
    lastError = error.message;
  };
  const late = (): Error =>
    new Error(`Redis did not answer within ${timeoutMs} ms: ${lastError}. Is REDIS_URL right and the server up?`);
  redis.once("ready", onReady).on("error", onError).on("node error", onError);
  try {
    await withTimeout(promise, timeoutMs, late);
  } finally {
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
