import { createHash } from "node:crypto";

/** What must be the same for an idempotency key to be a repetition. */
export function requestHash(request: Record<string, unknown>): Buffer {
  return createHash("sha256").update(JSON.stringify(request)).digest();
}
