import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Returns the password in `file`, which the first call creates: letters, digits, `-` and `_`; only the file's owner may
 * read it.
 */
export function secretIn(file: string): string {
  mkdirSync(dirname(file), { recursive: true });
  try {
    // The second of two processes reads the password of the first one.
    writeFileSync(file, randomPassword(), { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  return readFileSync(file, "utf8");
}

/** Returns a password that nobody needs to know. */
export function randomPassword(): string {
  return randomBytes(24).toString("base64url");
}
