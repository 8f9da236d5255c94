import { randomFillSync } from "node:crypto";

const calls = 512;

/**
 * Returns a function that returns `size` random bytes. Bytes are fetched for many calls at once, because the fetch
 * costs more than the bytes. A later call overwrites them, so callers must use or copy them in the same turn of the
 * event loop.
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
