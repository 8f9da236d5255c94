import { encodeJson } from "@confab/contracts";
import { createHash } from "node:crypto";

/** Returns the hash that must be the same for a request with the same idempotency key to be a repetition. */
export function requestHash(request: Record<string, unknown>): Buffer {
  return createHash("sha256").update(encodeJson(request)).digest();
}
