import type { Consumer } from "@confab/queue";
import { createWatchdog, type Watchdog, type WatchdogOptions } from "./schedules/watchdog.ts";

export interface WatchedConsumerOptions extends Omit<WatchdogOptions, "restart"> {
  /** Starts a consumer, which calls `sign` for each job that it takes or ends. */
  readonly open: (sign: () => void) => Consumer;
  /** Replaces the connection that all consumers share. */
  readonly reconnect: () => void;
}

export interface WatchedConsumer extends Watchdog {
  /** Takes no further jobs and waits for the running ones. */
  stop(): Promise<void>;
}

/**
 * Creates a consumer that its watchdog replaces. An abandoned consumer finishes its jobs, or another worker takes them
 * again.
 */
export function createWatchedConsumer({ open, reconnect, ...options }: WatchedConsumerOptions): WatchedConsumer {
  const watchdog = createWatchdog({
    ...options,
    restart() {
      consumer.abandon();
      reconnect();
      consumer = open(watchdog.sign);
    },
  });
  let consumer = open(watchdog.sign);
  return { ...watchdog, stop: () => consumer.stop() };
}
