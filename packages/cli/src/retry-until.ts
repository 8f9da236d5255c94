import { setTimeout as sleep } from "node:timers/promises";
import { CommandError } from "./errors.ts";

export interface RetryOptions {
  readonly timeoutMs: number;
  /** Returns why another attempt makes sense. If it returns undefined, the error is thrown. */
  readonly reasonToRetry: (error: unknown) => string | undefined;
  /** Called before the first pause and whenever the reason has changed. */
  readonly onRetry: (reason: string) => void;
}

const pauseMs = 500;

/**
 * Repeats an attempt until it succeeds. No attempt begins after the timeout. Instead, it throws a `CommandError` with
 * the last reason.
 */
export async function retryUntil<T>(
  { timeoutMs, reasonToRetry, onRetry }: RetryOptions,
  attempt: () => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let lastReason: string | undefined;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const reason = reasonToRetry(error);
      if (reason === undefined) throw error;
      if (performance.now() + pauseMs >= deadline) {
        throw new CommandError("unavailable", `Gave up after ${inWords(timeoutMs)}: ${reason}`, { cause: error });
      }
      if (reason !== lastReason) onRetry(reason);
      lastReason = reason;
    }
    await sleep(pauseMs);
  }
}

/** Returns a duration in words, for example "1 ms" or "90 s". */
export function inWords(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`;
}
