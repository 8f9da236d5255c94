import { createHash } from "node:crypto";
import { uuidFrom } from "./uuid.ts";

/**
 * Returns the idempotency key of a message of the file: always the same UUID of version 7, whose time is the creation
 * of the chat. Confab limits other keys. An import that is repeated without its progress creates the same chat, and so
 * knows its time.
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
