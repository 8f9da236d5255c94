import { withTimeout } from "@confab/async";

/** Maximum time in ms for a small command. Redis answers within it unless it is unavailable. */
const answerMs = 1_000;

/**
 * Wraps a query so that it resolves or rejects within a second. While an answer is pending, the query is not sent
 * again. Otherwise queries would pile up on a connection that waits for Redis.
 */
export function askOnce<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return withTimeout(asking, answerMs, () => new Error(`Redis did not answer within ${answerMs} ms`));
  };
}
