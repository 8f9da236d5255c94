import { createHash } from "node:crypto";
import { uuidFrom } from "./uuid.ts";

/**
 * Returns the idempotency key of a message in the file: always the same UUID of version 7, whose time is the time at
 * which the chat was created. Confab limits the number of other keys. An import that is repeated without its state gets
 * the same chat again, and therefore the same time.
 */
export function messageKey(
  prefix: string,
  { line, createdMs }: { line: number; createdMs: number },
  index: number,
): string {
  const bytes = createHash("sha256").update(`${prefix}\n${line}\n${index}`).digest();
  bytes.writeUIntBE(createdMs, 0, 6);
  return uuidFrom(bytes, 7);
}
