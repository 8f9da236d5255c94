import { encodeJson } from "@confab/contracts";
import { createHash } from "node:crypto";

/**
 * Returns the hash of a request. A request with the same idempotency key is a repetition only if it has the same hash.
 */
export function requestHash(request: Record<string, unknown>): Buffer {
  return createHash("sha256").update(encodeJson(request)).digest();
}
