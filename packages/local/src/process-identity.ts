import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** A process, distinguished from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started: clock ticks since boot on Linux, `ps -o lstart=` elsewhere. */
  readonly startedAt: string;
}

/**
 * Returns the process that runs under `pid` now, or undefined if none does, or only one that has ended and was not
 * collected yet.
 */
export function identify(pid: number): ProcessIdentity | undefined {
  const startedAt = process.platform === "linux" ? startFromProc(pid) : startFromPs(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** Returns whether the process that was identified still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startedAt === identity.startedAt;
}

/**
 * Signals the process if it is still the one that was identified; returns false if it has ended. SIGKILL goes to its whole
 * group, which each of our processes leads: a process that cannot clean up must not leave its children.
 */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    return process.kill(name === "SIGKILL" ? -identity.pid : identity.pid, name);
  } catch {
    return false;
  }
}

/** Ends the process with `name`, and with SIGKILL after `timeoutMs`; resolves when it has ended. */
export async function end(identity: ProcessIdentity, name: NodeJS.Signals, timeoutMs: number): Promise<void> {
  signal(identity, name);
  const deadline = Date.now() + timeoutMs;
  while (isRunning(identity)) {
    if (Date.now() > deadline) signal(identity, "SIGKILL");
    await sleep(20);
  }
  killOrphans(identity);
}

/**
 * Kills what is left of the group that an ended process has led, such as the workers of an nginx whose master was killed: they keep its
 * port. Does nothing if the number belongs to another process by now, because then no member was left.
 */
export function killOrphans({ pid }: ProcessIdentity): void {
  if (identify(pid) !== undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // There are none.
  }
}

function startFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in brackets. It may itself contain blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie with threads left is still closing its files and sockets. It has ended when only its main thread is left.
    const hasEnded = fields[0] === "Z" && Number(fields[17]) <= 1;
    return hasEnded ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function startFromPs(pid: number): string | undefined {
  const line = spawnSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" }).stdout.trim();
  const [state, ...started] = line.split(/\s+/);
  return line === "" || state?.startsWith("Z") === true ? undefined : started.join(" ");
}
