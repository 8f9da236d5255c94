import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, fchmodSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bindToThisProcess, unbind } from "./guard.ts";
import { LocalError } from "./local-error.ts";
import { assertPortFree } from "./ports.ts";
import { end, identify } from "./process-identity.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import { prepareFolder } from "./server-user.ts";
import type { ServerUser } from "./server-user.ts";
import { lastLine } from "./run.ts";

/** A server that runs on this machine and can be stopped, killed and started again over the same data and port. */
export interface ServerHandle {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  /** Changes with each start. */
  readonly pid: number;
  /** Graceful, resolves when the process is gone; SIGKILL follows after 30 s. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and data; nothing happens while it runs. */
  start(): Promise<void>;
  /** Lets it go on running when this process ends, which else ends it too; gives what tells it from other processes. */
  release(): ProcessIdentity;
}

export interface ServerOptions {
  /** The server's own folder: data, configuration and log; made when it is not there. */
  readonly dir: string;
  /** Omitted or 0: a free one. */
  readonly port?: number;
  /** More command line options; they come last and so win over ours. */
  readonly args?: readonly string[];
  /** The environment variable that chooses the port, named when the port is taken. */
  readonly portVariable?: string;
}

interface ServerPlan extends Pick<ServerOptions, "portVariable"> {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly command: string;
  readonly args: readonly string[];
  /** As whom it runs; undefined: as this process. */
  readonly user?: ServerUser | undefined;
  /** Its data, of which each start makes that user the owner; where there is no user, its owner's alone. */
  readonly data?: string;
  /** A file that it finds open as its standard input. */
  readonly stdin?: string;
  readonly logFile: string;
  readonly startTimeoutMs: number;
  isReady(): Promise<boolean>;
}

/** Starts what the plan says and resolves once it answers; a LocalError tells what the log said when it ended instead. */
export async function startServer(plan: ServerPlan): Promise<ServerHandle> {
  let running = await launch(plan);

  const endWith = async (signal: NodeJS.Signals) => {
    await end(running, signal, 30_000);
    unbind({ process: running });
  };
  return {
    name: plan.name,
    url: plan.url,
    port: plan.port,
    get pid() {
      return running.pid;
    },
    stop: () => endWith("SIGTERM"),
    kill: () => endWith("SIGKILL"),
    async start() {
      if (identify(running.pid)?.startedAt !== running.startedAt) running = await launch(plan);
    },
    release() {
      unbind({ process: running });
      return running;
    },
  };
}

async function launch(plan: ServerPlan): Promise<ProcessIdentity> {
  await assertPortFree(plan.port, plan.name, plan.portVariable);
  if (plan.data !== undefined) prepareFolder(plan.data, plan.user);
  const { child, identity } = spawnLogged(plan.command, plan.args, plan.logFile, plan);
  bindToThisProcess({ process: identity });
  const deadline = Date.now() + plan.startTimeoutMs;
  while (!(await plan.isReady())) {
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (ended || Date.now() > deadline) {
      await end(identity, "SIGKILL", 0);
      const what = ended ? "ended at once" : `did not answer within ${plan.startTimeoutMs / 1000} s`;
      const last = lastLine(readFileSync(plan.logFile, "utf8"));
      throw new LocalError(`${plan.name} ${what}; its log, ${plan.logFile}, ends with: ${last}`);
    }
    await sleep(50);
  }
  return identity;
}

interface Spawned {
  readonly child: ChildProcess;
  readonly identity: ProcessIdentity;
}

interface SpawnOptions extends Pick<ServerPlan, "user" | "stdin"> {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Starts a program in a session of its own, its output appended to `logFile`, which this user alone may read; it does
 * not keep this process alive.
 */
export function spawnLogged(
  command: string,
  args: readonly string[],
  logFile: string,
  { user, stdin, cwd, env }: SpawnOptions = {},
): Spawned {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, "a", 0o600);
  const input = stdin === undefined ? undefined : openSync(stdin, "r");
  try {
    fchmodSync(log, 0o600);
    const child = spawn(command, args, {
      cwd,
      env,
      detached: true,
      stdio: [input ?? "ignore", log, log],
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
    });
    child.on("error", () => undefined);
    child.unref();
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity === undefined) throw new LocalError(`${command} could not be started; see ${logFile}.`);
    return { child, identity };
  } finally {
    closeSync(log);
    if (input !== undefined) closeSync(input);
  }
}
