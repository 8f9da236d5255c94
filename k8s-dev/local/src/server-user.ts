import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, lchownSync, mkdirSync, readdirSync, realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { LocalError } from "./local-error.ts";

/** Who a server runs as where this process is root. */
export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const searchable = 0o001;

/**
 * The first of these system users that exists, or nobody: what a server may write when somebody takes it over is then
 * its own data. Undefined where this process is not root, and a server runs as its starter.
 */
export function serverUser(...names: readonly string[]): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of [...names, "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((what) => spawnSync("id", [what, name], { encoding: "utf8" }).stdout.trim());
    if (/^[1-9]\d*$/.test(uid ?? "")) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new LocalError("This machine has no user nobody: the stores would run as root.");
}

/** Makes the server's data folder, which nobody else may enter, and lets the user through the folders above it. */
export function prepareFolder(folder: string, user: ServerUser | undefined): void {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  if (user === undefined) return;
  // What the program that fills the folder, a restored copy or an earlier version has left to root.
  giveAway(folder, user);
  for (const above of closedAbove(folder)) {
    if (!isOurs(above)) {
      throw new LocalError(
        `the server runs as ${user.name}, who cannot reach ${folder}: ${above} is closed to others.`,
      );
    }
    // To pass through, not to list.
    chmodSync(above, statSync(above).mode | searchable);
  }
}

/** Lets the server read a file that holds a secret, and nobody else. */
export function shareFile(file: string, user: ServerUser | undefined): void {
  if (user !== undefined) chownSync(file, 0, user.gid);
  chmodSync(file, user === undefined ? 0o600 : 0o640);
}

/** Whether every user can enter the folder if he knows its name. */
export function isReachable(folder: string): boolean {
  return closedAbove(join(folder, "x")).length === 0;
}

function closedAbove(path: string): string[] {
  const closed: string[] = [];
  for (let above = dirname(path); above !== dirname(above); above = dirname(above)) {
    if ((statSync(above).mode & searchable) === 0) closed.push(above);
  }
  return closed;
}

/** Folders of a run or of a test, whose mode is nobody's choice. */
function isOurs(folder: string): boolean {
  const temporary = [tmpdir(), "/dev/shm"].some((root) => folder.startsWith(join(root, sep)));
  return temporary || realpathSync(folder).split(sep).includes(".confab");
}

function giveAway(folder: string, user: ServerUser): void {
  lchownSync(folder, user.uid, user.gid);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) giveAway(path, user);
    else lchownSync(path, user.uid, user.gid);
  }
}
