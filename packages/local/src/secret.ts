import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Returns the password in `file`, which the first call creates. It consists of letters, digits, `-` and `_`, and only
 * the file's owner may read it.
 */
export function secretIn(file: string): string {
  mkdirSync(dirname(file), { recursive: true });
  try {
    // `wx` fails if the file exists, so the second of two processes uses the password of the first.
    writeFileSync(file, randomPassword(), { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  return readFileSync(file, "utf8");
}

/** Returns a random password of letters, digits, `-` and `_`. */
export function randomPassword(): string {
  return randomBytes(24).toString("base64url");
}
