import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, fchmodSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { LocalError } from "./local-error.ts";
import { identify, type ProcessIdentity } from "./process-identity.ts";
import { prepareFolder, type ServerUser } from "./server-user.ts";

interface SpawnOptions {
  readonly cwd?: string | undefined;
  /** By default the environment of this process. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** The user that it runs as; omitted: this process's. */
  readonly user?: ServerUser | undefined;
  /** A file that it finds open as its standard input. */
  readonly stdin?: string | undefined;
}

/** How a process is started. It holds only data, so that it can be kept as JSON. */
export interface Launch extends SpawnOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  /** Its data folder. Each start makes `user` its owner; where there is no user, only its owner may enter it. */
  readonly data?: string | undefined;
}

interface Spawned {
  readonly child: ChildProcess;
  readonly identity: ProcessIdentity;
}

/** Starts the process; throws a LocalError when there is no such program. */
export function start({ command, args, logFile, data, ...options }: Launch): Spawned {
  if (data !== undefined) prepareFolder(data, options.user);
  return spawnLogged(command, args, logFile, options);
}

/**
 * Starts a program in a session of its own and appends its output to `logFile`, which only this user may read. The
 * program does not keep this process alive.
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
