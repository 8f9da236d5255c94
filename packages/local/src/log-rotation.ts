import { copyFileSync, readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";

export const rotationIntervalMs = 10_000;

/**
 * Limits the size of the logs in the folders and one level below. If a log is larger than `maxBytes`, its text is
 * copied over the file with the suffix `.1`. The log itself is emptied but not replaced, because programs hold it open.
 * They append, and therefore continue at its new end.
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
    // The folder does not exist yet or was removed in the meantime.
    return [];
  }
}
