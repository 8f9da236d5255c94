import { chmodSync, mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { paths } from "./settings.ts";

/**
 * Closes .confab to other users: it holds passwords, messages and, in the logs, what clients asked for. A store that runs
 * as a user of its own may pass through where `prepareFolder` has let it.
 */
export function protectState(): void {
  const folder = dirname(paths.state);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, statSync(folder).mode & 0o711);
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  chmodSync(paths.logs, 0o700);
}

/** Replaces a file in .confab as a whole, so that a crash leaves the old or the new one; only its owner may read it. */
export function writePrivate(file: string, text: string): void {
  protectState();
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
