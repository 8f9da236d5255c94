import { once } from "node:events";
import { attach, type Attached } from "./attached.ts";
import { LocalError } from "./local-error.ts";
import { rotateLogs, rotationIntervalMs } from "./log-rotation.ts";
import { answersInTime } from "./ready.ts";
import { reverseProxy } from "./reverse-proxy.ts";
import { productEnvironment, serviceNames, serviceProcesses, type ProductProcess } from "./services.ts";
import { paths } from "./settings.ts";
import { runningProcesses } from "./state.ts";
import { storesOfRun } from "./stores-of-run.ts";
import { migrate, planRun } from "./up.ts";
import { watchSources } from "./watch-sources.ts";

type Report = (line: string) => void;

/**
 * Runs everything attached to the terminal until Ctrl-C. A service restarts when a source file that it depends on is
 * saved. `inspect` names a service that listens for a debugger, with a port (`api:9230`) unless it is 9229.
 */
export async function dev(env: NodeJS.ProcessEnv, onProgress: Report, inspect?: string): Promise<void> {
  if (runningProcesses().length > 0) {
    throw new LocalError("Confab runs in the background already: stop it with make down.");
  }
  const [inspectedName, inspectPort = "9229"] = inspect?.split(":") ?? [];
  if (inspectedName !== undefined && !serviceNames.some((name) => name === inspectedName)) {
    throw new LocalError(`There is no service ${inspectedName}: choose ${serviceNames.join(", ")}.`);
  }
  const { settings, ports, variables } = await planRun(env, onProgress);
  const stores = await storesOfRun(settings, ports, onProgress);
  // Signals are handled only from here on. Until then, Ctrl-C immediately ends this process and everything it has
  // started.
  const interrupted = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  const started: Pick<Attached, "stop">[] = [];
  const rotation = setInterval(rotateLogs, rotationIntervalMs, [paths.logs, paths.data]);
  try {
    const shared = productEnvironment(settings, stores, ports);
    await migrate(shared, onProgress);
    let goesOn = true;
    void interrupted.then(() => (goesOn = false));
    const nginx = await reverseProxy(settings, ports, onProgress);
    const services = serviceProcesses(shared, ports, variables).map((service) => ({
      ...service,
      attached: attach(service.name === inspectedName ? inspected(service, inspectPort) : service, (how) => {
        onProgress(`${service.name} ended (${how}); it starts again when a source changes`);
      }),
    }));
    started.push(...services.map(({ attached }) => attached));
    const watching = await watchSources((changed) => {
      onProgress(`sources changed: restarting ${changed.join(", ")}`);
      for (const { name, attached } of services) if (changed.includes(name)) void attached.restart();
    });
    started.push({ stop: () => watching.close() });
    const isReady = await Promise.all(
      services.map(({ readyUrl, attached }) => answersInTime(readyUrl, 60_000, () => goesOn && attached.isRunning())),
    );
    started.push(
      attach(nginx, (how) => {
        onProgress(`nginx ended (${how})`);
      }),
    );
    onProgress(
      isReady.includes(false)
        ? "not ready yet, for the reason above; Ctrl-C stops everything"
        : `ready on ${nginx.url}; Ctrl-C stops everything`,
    );
    await interrupted;
  } finally {
    onProgress("stopping");
    clearInterval(rotation);
    for (const part of started.toReversed()) await part.stop();
    await stores.stop();
  }
}

function inspected<T extends ProductProcess>(service: T, port: string): T {
  const { launch } = service;
  return { ...service, launch: { ...launch, args: [`--inspect=127.0.0.1:${port}`, ...launch.args] } };
}
