import { setTimeout as sleep } from "node:timers/promises";
import { isTemporary, Refused } from "../api-errors.ts";
import { CommandError } from "../errors.ts";

/** How an import survives outages: it retries as long as something succeeds from time to time. */
export interface Retry {
  /** How often something was retried. */
  readonly retries: number;
  /** Something succeeded: the timeout starts again. */
  succeeded(): void;
  /** Waits before the next attempt; throws the error if a retry is useless, or its own error after the timeout. */
  wait(error: unknown, attempt: number): Promise<void>;
  /** Repeats the work until it succeeds. */
  untilDone<T>(work: () => Promise<T>): Promise<T>;
}

const firstPauseMs = 100;
const maxPauseMs = 5_000;

/** `timeoutMs` is the maximum time without any success; `signal` ends every wait. */
export function createRetry({ timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal }): Retry {
  let retries = 0;
  let lastSuccess = performance.now();

  const succeeded = (): void => {
    lastSuccess = performance.now();
  };

  async function wait(error: unknown, attempt: number): Promise<void> {
    signal.throwIfAborted();
    if (!isTemporary(error)) throw error;
    if (performance.now() - lastSuccess > timeoutMs) {
      const what = `The import has stopped because nothing succeeded for ${timeoutMs / 1000} s: ${error.message}`;
      const sentence = `${what} Run the same command again to continue.`;
      throw new CommandError("unavailable", sentence, { cause: error });
    }
    retries += 1;
    // Doubled and jittered, so that not all requests reach a recovering server at once.
    const backoff = Math.min(firstPauseMs * 2 ** (attempt - 1), maxPauseMs) * (0.75 + Math.random() / 2);
    await sleep(Math.max(backoff, error instanceof Refused ? error.retryAfterMs! : 0), undefined, { signal });
  }

  async function untilDone<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const done = await work();
        succeeded();
        return done;
      } catch (error) {
        await wait(error, attempt);
      }
    }
  }

  return {
    get retries() {
      return retries;
    },
    succeeded,
    wait,
    untilDone,
  };
}
