import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Identifies a process, even if a later one gets the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time of the process: clock ticks since boot on Linux, the output of `ps -o lstart=` elsewhere. */
  readonly startedAt: string;
}

/** Returns the process that currently runs as `pid`, or undefined if there is none or only a zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  const startedAt = process.platform === "linux" ? startFromProc(pid) : startFromPs(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** Returns whether the identified process is still running. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startedAt === identity.startedAt;
}

/**
 * Sends a signal to the process if it is still the identified one; returns false if it has ended. SIGKILL goes to the
 * whole process group, which each of our processes leads, because a killed process cannot end its children.
 */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    return process.kill(name === "SIGKILL" ? -identity.pid : identity.pid, name);
  } catch {
    return false;
  }
}

/** Ends the process with the signal `name`, or with SIGKILL after `timeoutMs`. Resolves when it has ended. */
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
 * Kills the remaining processes in the group of a process that has ended, such as the workers of a killed nginx master,
 * which would keep its port. Does nothing if another process has the pid by now: the system reuses a pid only when its
 * group is empty.
 */
export function killOrphans({ pid }: ProcessIdentity): void {
  if (identify(pid) !== undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // No process of the group is left.
  }
}

function startFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses, which may itself contain spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie that still has other threads is closing its files and sockets. The process has ended when only the main
    // thread is left.
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
