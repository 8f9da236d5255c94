import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, lchownSync, mkdirSync, readdirSync, realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { LocalError } from "./local-error.ts";

/** The system user for a server's process if this process is root. */
export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const searchable = 0o001;

/**
 * Returns the first of these system users that exists, or `nobody`, so that an attacker who takes over a server can
 * write only its data. Throws a LocalError if none exists. Returns undefined if this process is not root; servers then
 * run as the current user.
 */
export function serverUser(...names: readonly string[]): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of [...names, "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((what) => spawnSync("id", [what, name], { encoding: "utf8" }).stdout.trim());
    if (/^[1-9]\d*$/.test(uid ?? "")) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new LocalError("This machine has no user nobody: the stores would run as root.");
}

/**
 * Creates the server's data folder, which no other user may enter, and lets the user pass through the folders above it.
 * Throws a LocalError if the mode of one of these folders must not be changed.
 */
export function prepareFolder(folder: string, user: ServerUser | undefined): void {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  if (user === undefined) return;
  // Some files may belong to root, for example if root filled the folder, restored a copy or ran an earlier version.
  giveAway(folder, user);
  for (const above of closedAbove(folder)) {
    if (!isOurs(above)) {
      throw new LocalError(
        `The server runs as ${user.name} and cannot reach ${folder}: ${above} is closed to other users. Open it, or use another folder.`,
      );
    }
    // The user may pass through the folder, but not list it.
    chmodSync(above, statSync(above).mode | searchable);
  }
}

/** Lets the server, and no other user, read a file that holds a secret. */
export function shareFile(file: string, user: ServerUser | undefined): void {
  if (user !== undefined) chownSync(file, 0, user.gid);
  chmodSync(file, user === undefined ? 0o600 : 0o640);
}

/** Returns whether every user who knows the folder's path can enter it. */
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

/** Returns whether the folder is below .confab or a temporary folder, so that its mode may be changed. */
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
