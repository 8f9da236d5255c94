import { withTimeout } from "@confab/async";

/** Redis answers a small command in less time, unless it is unavailable. */
const answerMs = 1_000;

/**
 * Returns the same question, with an answer within a second or a rejection. While an answer is missing the question is
 * not sent again: on a connection that waits for Redis, questions would pile up.
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
