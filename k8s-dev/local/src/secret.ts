import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** The password in `file`, made at the first call: letters, digits, `-` and `_`, readable for the file's owner alone. */
export function secretIn(file: string): string {
  mkdirSync(dirname(file), { recursive: true });
  try {
    // Never two at once: who comes second reads what the first has written.
    writeFileSync(file, randomPassword(), { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  return readFileSync(file, "utf8");
}

/** One that nobody needs to know. */
export function randomPassword(): string {
  return randomBytes(24).toString("base64url");
}
