import { existsSync, rmSync, writeFileSync } from "node:fs";
import { LocalError } from "./local-error.ts";
import { findProgram, lastLine, run } from "./run.ts";

interface Packages {
  /**
   * Alternatives; the first one that is available is installed. An alternative may consist of several packages,
   * separated by spaces.
   */
  readonly packages: readonly string[];
}

interface Wanted extends Packages {
  /** Alternative names of the program; any of them will do. */
  readonly programs: readonly string[];
}

interface WantedFile extends Packages {
  /** Path at which the packages install the file. */
  readonly file: string;
}

const policyFile = "/usr/sbin/policy-rc.d";
let queue: Promise<unknown> = Promise.resolve();
let listsAreFresh = false;

/**
 * Returns the path of the program. Installs a missing program if `canInstall` returns true; otherwise throws a
 * LocalError that names the packages.
 */
export function ensureProgram({ programs, packages }: Wanted, onProgress: (line: string) => void): Promise<string> {
  return ensure({ name: programs[0] ?? "", find: () => findProgram(...programs), packages }, onProgress);
}

/** Returns the path of a file that is not a program, and installs it like `ensureProgram` if it is missing. */
export function ensureFile({ file, packages }: WantedFile, onProgress: (line: string) => void): Promise<string> {
  return ensure({ name: file, find: () => (existsSync(file) ? file : undefined), packages }, onProgress);
}

interface Sought extends Packages {
  readonly name: string;
  readonly find: () => string | undefined;
}

async function ensure(sought: Sought, onProgress: (line: string) => void): Promise<string> {
  const found = sought.find();
  if (found !== undefined) return found;
  // Only one installation runs at a time, because apt-get locks its lists and the package database.
  const installed = queue.then(() => install(sought, onProgress));
  queue = installed.catch(() => undefined);
  return installed;
}

/** Returns whether a missing program can be installed here, which requires root and apt-get. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && findProgram("apt-get") !== undefined;
}

async function install({ name, find, packages }: Sought, onProgress: (line: string) => void): Promise<string> {
  const names = packages.join(" or ");
  if (!canInstall()) {
    throw new LocalError(`${name} is missing: install ${names}, or run this as root on Debian or Ubuntu.`);
  }
  onProgress(`installing ${packages[0] ?? ""}`);
  if (!listsAreFresh) await aptGet(["update"]);
  listsAreFresh = true;
  for (const group of packages) {
    const names = group.split(" ");
    const { stdout } = await run("apt-cache", ["policy", ...names]);
    if (!/Candidate: \d/.test(stdout)) continue;
    await withoutServiceStart(() => aptGet(["install", "--no-install-recommends", ...names]));
    const found = find();
    if (found !== undefined) return found;
  }
  throw new LocalError(`${name} is missing, and apt-get has no ${names}: install it by hand.`);
}

async function aptGet(args: readonly string[]): Promise<void> {
  const options = ["-qq", "-y", "-o", "DPkg::Lock::Timeout=300"];
  const env = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const { code, stderr } = await run("apt-get", [...options, ...args], { env });
  if (code !== 0) throw new LocalError(`apt-get ${args.join(" ")} failed: ${lastLine(stderr)}`);
}

/**
 * Runs work while Debian's policy file forbids packages from starting services. Otherwise, server packages would
 * immediately start their server on its usual port.
 */
async function withoutServiceStart(work: () => Promise<void>): Promise<void> {
  const ours = !existsSync(policyFile);
  if (ours) writeFileSync(policyFile, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await work();
  } finally {
    if (ours) rmSync(policyFile, { force: true });
  }
}
