import { randomFillSync } from "node:crypto";

const bytes = 9;
/** Random bytes are fetched for many ids at once: a call costs more than the bytes. */
const pool = Buffer.alloc(512 * bytes);
let used = pool.length;

/**
 * A new request id: 12 letters and digits, nearly 72 random bits. Each pending message keeps its request id in Redis, where a UUID takes
 * three times as much. The chance that two of a billion ids are the same is 1 in 6,000.
 */
export function createRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const id = pool.toString("base64url", used, (used += bytes));
  return id.includes("-") || id.includes("_") ? id.replaceAll("-", "0").replaceAll("_", "1") : id;
}
