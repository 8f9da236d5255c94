import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { bindToThisProcess, unbind } from "./guard.ts";
import { start, type Launch } from "./launch.ts";
import { LocalError } from "./local-error.ts";
import { assertPortsFree } from "./ports.ts";
import { end, isRunning, type ProcessIdentity } from "./process-identity.ts";
import { lastLine } from "./run.ts";

/** A server on this machine that can be stopped, killed and restarted with the same data and port. */
export interface ServerHandle {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  /** Process id, which changes on every start. */
  readonly pid: number;
  /** Stops the server gracefully, or with SIGKILL after 30 s. Resolves when the process has ended. */
  stop(): Promise<void>;
  /** Kills the server with SIGKILL. Resolves when the process has ended. */
  kill(): Promise<void>;
  /** Starts the server again with the same port and data. Does nothing while it is running. */
  start(): Promise<void>;
  /**
   * Lets the server outlive this process, which would otherwise end it. Returns what another process needs to end or
   * restart it.
   */
  release(): ProcessIdentity & { readonly launch: Launch };
}

export interface ServerOptions {
  /** The server's own folder for data, configuration and log. It is created if it is missing. */
  readonly dir: string;
  /** Port to listen on. By default, or if 0, a free one. */
  readonly port?: number;
  /** Additional command line options. They come last and therefore override ours. */
  readonly args?: readonly string[];
  /** The environment variable that sets the port. The error for a taken port names it. */
  readonly portVariable?: string;
}

interface ServerPlan extends Launch, Pick<ServerOptions, "portVariable"> {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly startTimeoutMs: number;
  isReady(): Promise<boolean>;
}

/**
 * Starts the planned server and resolves once it answers; throws a LocalError with the last line of its log if the
 * server ends or does not answer in time.
 */
export async function startServer(plan: ServerPlan): Promise<ServerHandle> {
  let running = await startAndWait(plan);

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
      if (!isRunning(running)) running = await startAndWait(plan);
    },
    release() {
      unbind({ process: running });
      const { command, args, logFile, data, user, stdin } = plan;
      return { ...running, launch: { command, args, logFile, data, user, stdin } };
    },
  };
}

async function startAndWait(plan: ServerPlan): Promise<ProcessIdentity> {
  await assertPortsFree([{ port: plan.port, name: plan.name, variable: plan.portVariable }]);
  const { child, identity } = start(plan);
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
