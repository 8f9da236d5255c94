import { randomFillSync } from "node:crypto";

const calls = 512;

/**
 * Returns a function that gives `size` random bytes. Bytes are fetched for many calls at once, because fetching costs more than the
 * bytes. A later call overwrites them, so use or copy them before the event loop turns.
 */
export function createRandomPool(size: number): () => Buffer {
  const pool = Buffer.alloc(calls * size);
  let used = pool.length;
  return () => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    return pool.subarray(used, (used += size));
  };
}
