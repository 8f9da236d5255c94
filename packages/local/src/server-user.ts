import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, lchownSync, mkdirSync, readdirSync, realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { LocalError } from "./local-error.ts";

/** The user that a server runs as if this process is root. */
export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const searchable = 0o001;

/**
 * Returns the first of these system users that exists, or nobody. A server that is taken over can then write only its
 * own data. Undefined if this process is not root; a server then runs as its starter.
 */
export function serverUser(...names: readonly string[]): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of [...names, "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((what) => spawnSync("id", [what, name], { encoding: "utf8" }).stdout.trim());
    if (/^[1-9]\d*$/.test(uid ?? "")) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new LocalError("This machine has no user nobody: the stores would run as root.");
}

/** Creates the server's data folder, which nobody else may enter, and lets the user pass through the folders above it. */
export function prepareFolder(folder: string, user: ServerUser | undefined): void {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  if (user === undefined) return;
  // Files that belong to root: from the program that filled the folder, from a restored copy or an earlier version.
  giveAway(folder, user);
  for (const above of closedAbove(folder)) {
    if (!isOurs(above)) {
      throw new LocalError(
        `The server runs as ${user.name} and cannot reach ${folder}: ${above} is closed to other users. Open it, or use another folder.`,
      );
    }
    // To pass through, not to list.
    chmodSync(above, statSync(above).mode | searchable);
  }
}

/** Lets the server, and nobody else, read a file that holds a secret. */
export function shareFile(file: string, user: ServerUser | undefined): void {
  if (user !== undefined) chownSync(file, 0, user.gid);
  chmodSync(file, user === undefined ? 0o600 : 0o640);
}

/** Returns whether every user who knows its name can enter the folder. */
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

/** Returns whether the folder is one of a run or of a test, whose mode nobody has chosen. */
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
