import { setTimeout as sleep } from "node:timers/promises";
import { startSubscriberHeartbeat, subscriberSilenceMs, type RedisConnection } from "@confab/redis";
import { Cluster } from "ioredis";

export interface KeyChangesOptions {
  readonly redis: RedisConnection;
  readonly channel: string;
  /** Called when a key was revoked or its expiry changed. */
  readonly onChange: (keyId: string) => void;
  /** Called when changes may have been missed. */
  readonly onGap: () => void;
}

const retryMs = 500;

/**
 * Announces changed keys to all processes through Redis. Redis delivers at most once, and only to connected processes.
 */
export function createKeyChanges({ redis, channel, onChange, onGap }: KeyChangesOptions) {
  // The subscriber may receive nothing for a long time, and its commands wait for the connection.
  const options = { enableOfflineQueue: true, commandTimeout: undefined, socketTimeout: subscriberSilenceMs };
  const subscriber =
    redis instanceof Cluster
      ? redis.duplicate([], { shardedSubscribers: true, enableOfflineQueue: true })
      : redis.duplicate(options);
  const stopHeartbeat = startSubscriberHeartbeat(subscriber, () => [subscriber.ssubscribe(channel)]);
  let isStopped = false;
  subscriber.on("error", () => undefined);
  subscriber.on("smessage", (_channel: string, keyId: string) => {
    onChange(keyId);
  });
  subscriber.on("ready", onGap);

  async function subscribe(): Promise<void> {
    while (!isStopped) {
      try {
        await subscriber.ssubscribe(channel);
        onGap();
        return;
      } catch {
        await sleep(retryMs, undefined, { ref: false });
      }
    }
  }
  void subscribe();

  return {
    async publish(keyId: string): Promise<void> {
      await redis.spublish(channel, keyId);
    },
    stop(): void {
      isStopped = true;
      stopHeartbeat();
      subscriber.disconnect();
    },
  };
}
