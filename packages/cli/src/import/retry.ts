import { setTimeout as sleep } from "node:timers/promises";
import { Refused, Unreachable } from "../api-errors.ts";
import { CommandError } from "../errors.ts";

/** How an import bears outages: it waits and repeats, as long as something succeeds now and then. */
export interface Patience {
  /** How often something had to be repeated. */
  readonly retries: number;
  /** Something succeeded: the time in which nothing does begins anew. */
  succeeded(): void;
  /** Waits before the next attempt; throws the error where repeating is useless, or its own when it has lasted too long. */
  wait(error: unknown, attempt: number): Promise<void>;
  /** Repeats the work until it succeeds. */
  persist<T>(work: () => Promise<T>): Promise<T>;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** `limitMs` is how long nothing may succeed; `signal` ends every wait. */
export function createPatience({ limitMs, signal }: { limitMs: number; signal: AbortSignal }): Patience {
  let retries = 0;
  let last = performance.now();

  const succeeded = (): void => {
    last = performance.now();
  };

  async function wait(error: unknown, attempt: number): Promise<void> {
    const passing = error instanceof Unreachable || (error instanceof Refused && error.retryAfterMs !== undefined);
    if (!passing) throw error;
    if (performance.now() - last > limitMs) {
      const what = `Nothing has succeeded for ${limitMs / 1000} s, so the import stops: ${error.message}`;
      const sentence = `${what} Run the same command again to go on where it stopped.`;
      throw new CommandError("unavailable", sentence, { cause: error });
    }
    retries += 1;
    // Doubling and jittered, so that a server that comes back is not met by all at once.
    const doubling = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS) * (0.75 + Math.random() / 2);
    await sleep(Math.max(doubling, error instanceof Refused ? error.retryAfterMs! : 0), undefined, { signal });
  }

  async function persist<T>(work: () => Promise<T>): Promise<T> {
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
    persist,
  };
}
