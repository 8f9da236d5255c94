import type { Consumer } from "@confab/queue";
import { createWatchdog, type Watchdog, type WatchdogOptions } from "./schedules/watchdog.ts";

export interface WatchedConsumerOptions extends Omit<WatchdogOptions, "restart"> {
  /** Starts a consumer, which gives a sign of life with each job that it takes or ends. */
  open: (sign: () => void) => Consumer;
  /** Replaces the connection that consumers share. */
  reconnect: () => void;
}

export interface WatchedConsumer extends Watchdog {
  /** Takes no further jobs and waits for those that run. */
  stop(): Promise<void>;
}

/** A consumer that its watchdog replaces; what an abandoned one has begun is finished, or taken again by somebody else. */
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
