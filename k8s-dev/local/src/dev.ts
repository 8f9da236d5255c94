import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { formatLogLine } from "./format-log.ts";
import { bindToThisProcess } from "./guard.ts";
import { frontDoor } from "./front-door.ts";
import { LocalError } from "./local-error.ts";
import { startLogKeeper } from "./log-keeper.ts";
import { assertPortFree } from "./ports.ts";
import { end, identify } from "./process-identity.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import { answersInTime } from "./ready.ts";
import { productEnvironment, serviceProcesses } from "./services.ts";
import type { ProductProcess } from "./services.ts";
import { paths, readPorts } from "./settings.ts";
import { readState } from "./state.ts";
import { migrate, storesOfRun } from "./up.ts";

/** Runs everything attached to the terminal, services restarting when their code changes, until Ctrl-C stops it all. */
export async function dev(env: NodeJS.ProcessEnv, onProgress: (line: string) => void): Promise<void> {
  if (readState().processes.length > 0) throw new LocalError("It runs in the background already: make down stops it.");
  const ports = readPorts(env);
  const stores = await storesOfRun(env, ports, onProgress);
  // Only now: until here Ctrl-C ends this process at once, and what it has started dies with it.
  const interrupted = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  const started: { identity: ProcessIdentity; stopSignal: NodeJS.Signals }[] = [];
  try {
    const shared = productEnvironment(env, stores, ports);
    await migrate(shared, onProgress);
    let goesOn = true;
    void interrupted.then(() => (goesOn = false));
    const nginx = await frontDoor(env, ports, onProgress);
    const services = serviceProcesses(shared, ports, { watch: true });
    for (const part of services) started.push({ identity: await startAttached(part), stopSignal: part.stopSignal });
    const isReady = await Promise.all(services.map(({ readyUrl }) => answersInTime(readyUrl, 60_000, () => goesOn)));
    started.push({ identity: await startAttached(nginx), stopSignal: nginx.stopSignal });
    const keeper = startLogKeeper([paths.logs, paths.data]);
    bindToThisProcess({ process: keeper });
    started.push({ identity: keeper, stopSignal: "SIGTERM" });
    onProgress(
      isReady.includes(false)
        ? "not ready yet: see above why; Ctrl-C stops all"
        : `ready on ${nginx.url}; Ctrl-C stops all`,
    );
    await interrupted;
  } finally {
    onProgress("stopping");
    for (const { identity, stopSignal } of started.toReversed()) await end(identity, stopSignal, 30_000);
    await stores.stop();
  }
}

async function startAttached(part: ProductProcess): Promise<ProcessIdentity> {
  for (const { port, variable } of part.ports) await assertPortFree(port, part.name, variable);
  const child = spawn(part.command, part.args, {
    cwd: paths.root,
    env: part.env,
    // A session of its own: Ctrl-C reaches this process alone, which then stops the others in order.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.on("error", (error) => {
    console.error(`${part.name} could not be started: ${error.message}`);
  });
  const print = (stream: Readable) => {
    createInterface({ input: stream }).on("line", (line) => {
      console.log(formatLogLine(line, part.name, process.stdout.isTTY));
    });
  };
  print(child.stdout);
  print(child.stderr);
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity === undefined) throw new LocalError(`${part.name} could not be started.`);
  bindToThisProcess({ process: identity });
  return identity;
}
