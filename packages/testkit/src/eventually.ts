import { setTimeout as sleep } from "node:timers/promises";

/**
 * Repeats an assertion until it no longer throws, and resolves to its value. After the timeout it throws the last
 * error.
 */
export async function eventually<T>(
  assertion: () => T | Promise<T>,
  { timeoutMs = 10_000, intervalMs = 25 } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(intervalMs);
  }
}
