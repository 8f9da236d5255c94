import { chmodSync, mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { paths } from "./settings.ts";

/**
 * Closes .confab to other users: it contains passwords, messages and, in the logs, the requests of clients. A store
 * that runs as a different user may pass through the folders that `prepareFolder` has opened for it.
 */
export function protectState(): void {
  const folder = dirname(paths.state);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, statSync(folder).mode & 0o711);
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  chmodSync(paths.logs, 0o700);
}

/**
 * Replaces a file in .confab atomically, so that a crash leaves either the old or the new one. Only its owner may read
 * it.
 */
export function writePrivate(file: string, text: string): void {
  protectState();
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
