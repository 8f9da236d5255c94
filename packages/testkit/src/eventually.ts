import { setTimeout as sleep } from "node:timers/promises";

/** Repeats the assertion until it no longer throws and gives its value; after the time, its last error is thrown. */
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
