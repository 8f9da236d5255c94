/** Interval in ms at which a subscriber subscribes again. */
const everyMs = 2_000;

/**
 * Time in ms that an answer to a subscriber may be overdue before its connection is replaced (`socketTimeout`). A
 * subscriber receives nothing while nothing happens. Without regular commands, it would never notice that its
 * connection is dead.
 */
export const subscriberSilenceMs = 2_500;

/**
 * Subscribes again every two seconds. Redis answers this, and nothing else changes. Does nothing without a connection,
 * so that no commands pile up. Returns a function that stops the heartbeat.
 */
export function startSubscriberHeartbeat(
  subscriber: { readonly status: string },
  subscribeAgain: () => Iterable<Promise<unknown>>,
): () => void {
  const timer = setInterval(() => {
    if (subscriber.status !== "ready") return;
    // Ignores errors: the connection itself reports when it ends, and subscribes when it is available again.
    for (const answer of subscribeAgain()) void answer.catch(() => undefined);
  }, everyMs);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
