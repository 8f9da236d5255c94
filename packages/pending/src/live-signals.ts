import { setTimeout as sleep } from "node:timers/promises";
import { startSubscriberHeartbeat, subscriberSilenceMs, type RedisConnection } from "@confab/redis";
import { Cluster } from "ioredis";
import { decodeBatchChats } from "./batch-chats.ts";
import { keyPrefix, partitionOf, type Partitioning } from "./keys.ts";
import type { ChatReference } from "@confab/contracts";

/** Something that happened in a chat and that streams show only while it happens. The data of a signal is JSON, as its text. */
export type LiveEvent =
  | { readonly type: "read"; readonly reader: string; readonly number: number }
  | { readonly type: "signal"; readonly sender: string; readonly name: string; readonly data: string | null }
  | { readonly type: "end"; readonly reason: string };

export interface LiveSignals {
  /**
   * Calls `receive` when messages of the chat were accepted or changed, and with each event, until the returned function is called.
   * Redis delivers signals at most once, so the caller also looks from time to time.
   */
  watch(chat: ChatReference, receive: (event?: LiveEvent) => void): () => void;
  /** Sends an event to the watchers of the chat in all processes, or wakes them. */
  send(chat: ChatReference, event?: LiveEvent): Promise<void>;
  /** Sends an event to the watchers of all chats of an application. */
  sendToAll(token: string, event: LiveEvent): Promise<void>;
  stop(): void;
}

/** The event of a chat, or of all chats of an application, as JSON. For messages the accept script publishes the chats of their batch. */
interface Signal {
  readonly token: string;
  readonly chat?: number;
  readonly event?: LiveEvent | undefined;
}

const retryMs = 500;

/**
 * Creates the signals of chats. The process is subscribed to a partition only while it watches one of its chats; a
 * partition that nobody watches costs Redis one command per batch.
 */
export function createLiveSignals(redis: RedisConnection, partitioning: Partitioning): LiveSignals {
  const watchers = new Map<string, Set<(event?: LiveEvent) => void>>();
  const watchedIn = new Map<number, number>();
  let subscriber: RedisConnection | undefined;
  let stopHeartbeat: (() => void) | undefined;
  let isStopped = false;

  const channelOf = (partition: number): string => `${keyPrefix(partitioning, partition)}live`;
  const nameOf = ({ token, number }: ChatReference): string => `${token}:${number}`;

  function connect(): RedisConnection {
    if (subscriber) return subscriber;
    // It waits for signals, and its commands wait for the connection.
    const options = { enableOfflineQueue: true, commandTimeout: undefined, socketTimeout: subscriberSilenceMs };
    const created =
      redis instanceof Cluster
        ? redis.duplicate([], { shardedSubscribers: true, enableOfflineQueue: true })
        : redis.duplicate(options);
    subscriber = created;
    stopHeartbeat = startSubscriberHeartbeat(created, () =>
      [...watchedIn.keys()].map((partition) => created.ssubscribe(channelOf(partition))),
    );
    subscriber.on("error", () => undefined);
    subscriber.on("smessage", (_channel: string, text: string) => {
      if (!text.startsWith("{")) {
        for (const { token, chat } of decodeBatchChats(Buffer.from(text)) ?? []) tell(`${token}:${chat}`);
        return;
      }
      const signal = JSON.parse(text) as Signal;
      if (signal.chat !== undefined) tell(`${signal.token}:${signal.chat}`, signal.event);
      else for (const name of watchers.keys()) if (name.startsWith(`${signal.token}:`)) tell(name, signal.event);
    });
    // Signals were missed while there was no connection.
    subscriber.on("ready", () => {
      for (const name of watchers.keys()) tell(name);
    });
    return subscriber;
  }

  function tell(name: string, event?: LiveEvent): void {
    for (const receive of watchers.get(name) ?? []) receive(event);
  }

  async function subscribe(partition: number): Promise<void> {
    while (!isStopped && watchedIn.has(partition)) {
      try {
        await connect().ssubscribe(channelOf(partition));
        for (const name of watchers.keys()) tell(name);
        return;
      } catch {
        await sleep(retryMs, undefined, { ref: false });
      }
    }
  }

  return {
    watch(chat, receive) {
      const name = nameOf(chat);
      const partition = partitionOf(partitioning, chat.token, chat.number);
      const of = watchers.get(name) ?? new Set();
      watchers.set(name, of.add(receive));
      const count = watchedIn.get(partition) ?? 0;
      watchedIn.set(partition, count + 1);
      if (count === 0) void subscribe(partition);
      return () => {
        if (!of.delete(receive)) return;
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
    async send({ token, number }, event) {
      const signal: Signal = { token, chat: number, event };
      await redis.spublish(channelOf(partitionOf(partitioning, token, number)), JSON.stringify(signal));
    },
    async sendToAll(token, event) {
      const text = JSON.stringify({ token, event } satisfies Signal);
      const { partitions } = partitioning;
      await Promise.all(Array.from({ length: partitions }, (_, at) => redis.spublish(channelOf(at), text)));
    },
    stop() {
      isStopped = true;
      stopHeartbeat?.();
      subscriber?.disconnect();
    },
  };
}
