import { copyFileSync, readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";

export const rotationIntervalMs = 10_000;

/**
 * Bounds the logs that lie in the folders and one level below: the text of each that is larger than `maxBytes` moves to
 * its `.1` and replaces the older text. The log itself is emptied and not replaced, since programs hold it open. They
 * append, and therefore continue at its new end.
 */
export function rotateLogs(folders: readonly string[], maxBytes = 16 * 1024 ** 2): void {
  for (const log of folders.flatMap((folder) => [...logsIn(folder), ...foldersIn(folder).flatMap(logsIn)])) {
    if (statSync(log, { throwIfNoEntry: false })?.isFile() !== true || statSync(log).size <= maxBytes) continue;
    copyFileSync(log, `${log}.1`);
    truncateSync(log);
  }
}

const logsIn = (folder: string) =>
  entriesIn(folder).flatMap(({ name }) => (name.endsWith(".log") ? join(folder, name) : []));
const foldersIn = (folder: string) =>
  entriesIn(folder).flatMap((entry) => (entry.isDirectory() ? join(folder, entry.name) : []));

function entriesIn(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // There is none yet, or it was removed meanwhile.
    return [];
  }
}
