import { readFileSync } from "node:fs";
import { InvalidArgumentError } from "commander";

/** Reads the key in a file and trims white space around it. */
export function readKeyFile(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : "It cannot be read.");
  }
}
