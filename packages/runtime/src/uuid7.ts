import { randomUUID } from "node:crypto";

/** Creates a UUID of version 7 (RFC 9562): 48 bits of time in milliseconds, then random bits. */
export function createUuid7(now = Date.now()): string {
  const time = now.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
