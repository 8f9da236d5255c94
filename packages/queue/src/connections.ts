import { Redis, type RedisOptions } from "ioredis";

const shared = {
  // Back within a second of Redis being back, without a storm while it is away.
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 4), 500),
  connectTimeout: 2000,
} satisfies RedisOptions;

/**
 * A connection for requests: it fails at once while Redis is away instead of piling commands up. What was sent and not yet
 * answered is sent again after a reconnect, so every script on it must bear a resend. With `patienceMs`, a command that is
 * not answered in this time rejects.
 */
export function connectForRequests(url: string, name: string, { patienceMs }: { patienceMs?: number } = {}): Redis {
  return new Redis(url, {
    ...shared,
    connectionName: name,
    enableOfflineQueue: false,
    maxRetriesPerRequest: null,
    commandTimeout: patienceMs,
  });
}

/** A connection for background work: it waits for Redis to come back. */
export function connectForWork(url: string, name: string): Redis {
  return new Redis(url, { ...shared, connectionName: name, maxRetriesPerRequest: null });
}

/** Resolves when the connection is ready for its first command; rejects with one sentence after `timeoutMs`. */
export async function whenReady(redis: Redis, timeoutMs: number): Promise<void> {
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
  redis.once("ready", onReady).on("error", onError);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    redis.off("ready", onReady).off("error", onError);
  }
}
