import { setTimeout as sleep } from "node:timers/promises";
import { isTemporary, Refused } from "../api-errors.ts";
import { CommandError } from "../errors.ts";

/** Retries the requests of an import, so that it survives outages as long as something succeeds from time to time. */
export interface Retry {
  /** Number of retries so far. */
  readonly retries: number;
  /** Notes a success, after which the timeout starts again. */
  succeeded(): void;
  /** Waits before the next attempt. Throws the error if a retry is useless, or a `CommandError` after the timeout. */
  wait(error: unknown, attempt: number): Promise<void>;
  /** Repeats the work until it succeeds, a retry is useless or the timeout is over. */
  untilDone<T>(work: () => Promise<T>): Promise<T>;
}

const firstPauseMs = 100;
const maxPauseMs = 5_000;

/** Creates the retries of an import. `timeoutMs` is the maximum time without any success; `signal` ends every wait. */
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
    // The pause is doubled and jittered, so that not all requests reach a recovering server at once.
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
