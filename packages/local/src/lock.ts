import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identify, isRunning, type ProcessIdentity } from "./process-identity.ts";

/**
 * Runs `work` while no other process on this machine holds the lock file. Takes over the lock of a process that has
 * died.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  while (!(await take(file))) await sleep(200);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function take(file: string): Promise<boolean> {
  try {
    await writeFile(file, JSON.stringify(identify(process.pid)), { flag: "wx" });
    return true;
  } catch {
    const text = await readFile(file, "utf8").catch(() => "");
    // An empty file is a lock that another process is writing at the moment.
    if (text !== "" && !isRunning(JSON.parse(text) as ProcessIdentity)) await rm(file, { force: true });
    return false;
  }
}
