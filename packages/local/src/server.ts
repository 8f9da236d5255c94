import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { bindToThisProcess, unbind } from "./guard.ts";
import { start, type Launch } from "./launch.ts";
import { LocalError } from "./local-error.ts";
import { assertPortsFree } from "./ports.ts";
import { end, isRunning, type ProcessIdentity } from "./process-identity.ts";
import { lastLine } from "./run.ts";

/** A server that runs on this machine and can be stopped, killed and started again over the same data and port. */
export interface ServerHandle {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  /** Changes with each start. */
  readonly pid: number;
  /** Graceful; resolves when the process has ended. SIGKILL follows after 30 s. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and data; does nothing while it runs. */
  start(): Promise<void>;
  /** Lets it outlive this process, which otherwise ends it; returns what another process needs to end or restart it. */
  release(): ProcessIdentity & { readonly launch: Launch };
}

export interface ServerOptions {
  /** The server's own folder for data, configuration and log; created when missing. */
  readonly dir: string;
  /** By default, or if 0, a free one. */
  readonly port?: number;
  /** More command line options. They come last and therefore override ours. */
  readonly args?: readonly string[];
  /** The environment variable that chooses the port, named when the port is taken. */
  readonly portVariable?: string;
}

interface ServerPlan extends Launch, Pick<ServerOptions, "portVariable"> {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly startTimeoutMs: number;
  isReady(): Promise<boolean>;
}

/** Starts the planned server and resolves once it answers; if it ends instead, throws a LocalError with its log's last line. */
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
