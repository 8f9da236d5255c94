import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { formatLogLine } from "./format-log.ts";
import { bindToThisProcess, unbind } from "./guard.ts";
import type { Launch } from "./launch.ts";
import { LocalError } from "./local-error.ts";
import { end, identify, type ProcessIdentity } from "./process-identity.ts";

/** A process that writes to this terminal and ends together with this process. */
export interface Attached {
  /** Ends the process and starts it again. Concurrent calls run one after another. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  isRunning(): boolean;
}

interface Part {
  readonly name: string;
  readonly launch: Launch;
  readonly stopSignal: NodeJS.Signals;
}

/** Starts the process; calls `onEnd` with a description if it ends by itself. */
export function attach(part: Part, onEnd: (how: string) => void): Attached {
  let isWanted = true;
  let hasEnded = false;
  const begin = () => {
    hasEnded = false;
    isWanted = true;
    return spawnAttached(part, (how) => {
      hasEnded = true;
      if (isWanted) onEnd(how);
    });
  };
  let running = begin();
  let queue = Promise.resolve();
  const finish = async () => {
    isWanted = false;
    await end(running, part.stopSignal, 10_000);
    unbind({ process: running });
  };
  return {
    restart() {
      queue = queue.then(async () => {
        await finish();
        running = begin();
      });
      return queue;
    },
    stop: () => queue.then(finish),
    isRunning: () => !hasEnded,
  };
}

function spawnAttached({ name, launch }: Part, onEnd: (how: string) => void): ProcessIdentity {
  const child = spawn(launch.command, launch.args, {
    cwd: launch.cwd,
    env: launch.env,
    // The process gets its own session, so that Ctrl-C reaches only this process, which then stops the others in order.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.on("error", (error) => {
    console.error(`${name} could not be started: ${error.message}`);
  });
  child.on("exit", (code, signal) => {
    onEnd(signal ?? `exit code ${code ?? 1}`);
  });
  const print = (stream: Readable) => {
    createInterface({ input: stream }).on("line", (line) => {
      console.log(formatLogLine(line, name, process.stdout.isTTY));
    });
  };
  print(child.stdout);
  print(child.stderr);
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity === undefined) throw new LocalError(`${name} could not be started.`);
  bindToThisProcess({ process: identity });
  return identity;
}
