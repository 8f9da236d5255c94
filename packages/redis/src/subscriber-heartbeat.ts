/** How often a subscriber subscribes again. */
const everyMs = 2_000;

/**
 * How long, in ms, Redis may owe a subscriber an answer before the subscriber's connection is replaced: its `socketTimeout`. A
 * subscriber is silent while nothing happens, so without questions it would never notice that its connection is dead.
 */
export const subscriberSilenceMs = 2_500;

/**
 * Subscribes again every two seconds, which Redis answers and which changes nothing else. Without a connection it does nothing, so that
 * no commands pile up. Returns a function that ends it.
 */
export function startSubscriberHeartbeat(
  subscriber: { readonly status: string },
  subscribeAgain: () => Iterable<Promise<unknown>>,
): () => void {
  const timer = setInterval(() => {
    if (subscriber.status !== "ready") return;
    // The connection reports its end by itself, and subscribes when it is back.
    for (const answer of subscribeAgain()) void answer.catch(() => undefined);
  }, everyMs);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
