import { setTimeout as sleep } from "node:timers/promises";
import { Cluster } from "ioredis";
import { keyPrefix, partitionOf, type Partitioning } from "./keys.ts";
import type { ChatName } from "./pending.ts";
import type { RedisConnection } from "./scripts.ts";

export interface LiveSignals {
  /**
   * Calls `wake` when messages of the chat were accepted, until the returned function is called. Redis delivers signals at most
   * once, so the caller also looks from time to time.
   */
  watch(chat: ChatName, wake: () => void): () => void;
  /** Wakes the watchers of the chat in all processes. */
  send(chat: ChatName): Promise<void>;
  stop(): void;
}

/** The part of a batch that accept.lua publishes. */
type Signal = readonly (readonly [token: string, chat: number, ...rest: unknown[]])[];

const retryMs = 500;

/**
 * The signals of accepted messages. The process is subscribed to a partition only while it watches one of its chats; a partition
 * that nobody watches costs Redis one command per batch.
 */
export function createLiveSignals(redis: RedisConnection, partitioning: Partitioning): LiveSignals {
  const watchers = new Map<string, Set<() => void>>();
  const watchedIn = new Map<number, number>();
  let subscriber: RedisConnection | undefined;
  let isStopped = false;

  const channelOf = (partition: number): string => `${keyPrefix(partitioning, partition)}live`;
  const nameOf = ({ token, number }: ChatName): string => `${token}:${number}`;

  function connect(): RedisConnection {
    if (subscriber) return subscriber;
    // It waits for signals: silence is normal, and commands wait for the connection.
    const options = { enableOfflineQueue: true, commandTimeout: undefined, socketTimeout: undefined };
    subscriber =
      redis instanceof Cluster
        ? redis.duplicate([], { shardedSubscribers: true, enableOfflineQueue: true })
        : redis.duplicate(options);
    subscriber.on("error", () => undefined);
    subscriber.on("smessage", (_channel: string, text: string) => {
      for (const [token, chat] of JSON.parse(text) as Signal) wakeAll(`${token}:${chat}`);
    });
    // Signals were missed while there was no connection.
    subscriber.on("ready", () => {
      for (const name of watchers.keys()) wakeAll(name);
    });
    return subscriber;
  }

  function wakeAll(name: string): void {
    for (const wake of watchers.get(name) ?? []) wake();
  }

  async function subscribe(partition: number): Promise<void> {
    while (!isStopped && watchedIn.has(partition)) {
      try {
        await connect().ssubscribe(channelOf(partition));
        for (const name of watchers.keys()) wakeAll(name);
        return;
      } catch {
        await sleep(retryMs, undefined, { ref: false });
      }
    }
  }

  return {
    watch(chat, wake) {
      const name = nameOf(chat);
      const partition = partitionOf(partitioning, chat.token, chat.number);
      const of = watchers.get(name) ?? new Set();
      watchers.set(name, of.add(wake));
      const count = watchedIn.get(partition) ?? 0;
      watchedIn.set(partition, count + 1);
      if (count === 0) void subscribe(partition);
      return () => {
        if (!of.delete(wake)) return;
        if (of.size === 0) watchers.delete(name);
        const left = (watchedIn.get(partition) ?? 1) - 1;
        if (left > 0) {
          watchedIn.set(partition, left);
          return;
        }
        watchedIn.delete(partition);
        void subscriber?.sunsubscribe(channelOf(partition)).catch(() => undefined);
      };
    },
    async send({ token, number }) {
      const signal: Signal = [[token, number]];
      await redis.spublish(channelOf(partitionOf(partitioning, token, number)), JSON.stringify(signal));
    },
    stop() {
      isStopped = true;
      subscriber?.disconnect();
    },
  };
}
