import { readFileSync } from "node:fs";
import { checkConfiguration } from "./check-configuration.ts";
import { announceClone, assertRoomForClone } from "./clones.ts";
import { keep, readKept, withKept } from "./kept-settings.ts";
import { start } from "./launch.ts";
import { LocalError } from "./local-error.ts";
import { addressLimits } from "./nginx.ts";
import { protectState } from "./private-file.ts";
import { end, isRunning, killOrphans } from "./process-identity.ts";
import { answersInTime, whatIsMissing } from "./ready.ts";
import { reverseProxy } from "./reverse-proxy.ts";
import { lastLine, run } from "./run.ts";
import {
  productEnvironment,
  servicePorts,
  serviceProcesses,
  sourceCondition,
  type ProductProcess,
  type ServiceVariables,
} from "./services.ts";
import { paths, readPorts, redisMaxmemory, type Ports } from "./settings.ts";
import { readState, record, runningProcesses } from "./state.ts";
import { plannedStores, recordStores, storePorts, storesOfRun } from "./stores-of-run.ts";
import { startSupervisor, stopSupervisor } from "./supervisor.ts";

type Report = (line: string) => void;

/** Settings, ports and service variables of a run. */
export interface Plan {
  readonly settings: NodeJS.ProcessEnv;
  readonly ports: Ports;
  readonly variables: ServiceVariables;
}

/**
 * Starts missing processes in the background, restarts those whose settings have changed, and leaves the rest alone.
 * Resolves with the plan when everything answers.
 */
export async function up(env: NodeJS.ProcessEnv, onProgress: Report): Promise<Plan> {
  const plan = await planRun(env, onProgress);
  await stopSupervisor();
  try {
    await startAll(plan, onProgress);
  } finally {
    // The supervisor is also needed after a failure, because some processes may already be running.
    if (readState().processes.length > 0) startSupervisor();
  }
  onProgress("ready");
  return plan;
}

/**
 * Reads the settings, including those of the last start, and keeps them for the next one. Throws a LocalError, before
 * anything is started or stopped, if a setting cannot be used or a port is taken.
 */
export async function planRun(env: NodeJS.ProcessEnv, onProgress: Report): Promise<Plan> {
  protectState();
  const settings = withKept(env, readKept(), onProgress);
  const ports = readPorts(settings);
  // These two calls throw if a value is invalid.
  addressLimits(settings);
  redisMaxmemory(settings);
  const variables = await checkConfiguration(productEnvironment(settings, plannedStores(settings, ports), ports));
  for (const entry of readState().processes) killOrphans(entry);
  const ours = new Set(runningProcesses().flatMap((entry) => entry.ports));
  const wanted = [
    ...Object.values(servicePorts(ports)).flat(),
    { port: ports.CONFAB_PORT, name: "nginx", variable: "CONFAB_PORT" },
    ...storePorts(settings, ports),
  ];
  await assertRoomForClone(wanted.filter(({ port }) => !ours.has(port)));
  keep(settings, Object.values(variables).flat());
  return { settings, ports, variables };
}

async function startAll({ settings, ports, variables }: Plan, onProgress: Report): Promise<void> {
  announceClone();
  // Both run in parallel: on a bare machine, nginx is installed while the stores start.
  const [nginx, stores] = await Promise.all([
    reverseProxy(settings, ports, onProgress),
    storesOfRun(settings, ports, onProgress),
  ]);
  recordStores(stores, settings, ports);
  const shared = productEnvironment(settings, stores, ports);
  await migrate(shared, onProgress);
  const services = serviceProcesses(shared, ports, variables);
  // All changed processes stop before the first one starts, because a process may take over the port of another.
  await Promise.all([...services, nginx].map((wanted) => stopIfChanged(wanted, onProgress)));
  await Promise.all(services.map((service) => ensure(service, onProgress)));
  await ensure(nginx, onProgress);
}

/**
 * Migrates the database's tables to this version with the same command that operators use. Warns if keys are not
 * required although the database contains some, for example after a restore without the earlier settings.
 */
export async function migrate(shared: NodeJS.ProcessEnv, onProgress: Report): Promise<void> {
  const args = [sourceCondition, "packages/cli/src/main.ts", "migrate", "--json"];
  const { code, stdout, stderr } = await run(process.execPath, args, { cwd: paths.root, env: shared });
  if (code !== 0) throw new LocalError(`The database could not be migrated: ${lastLine(`${stdout}\n${stderr}`)}`);
  onProgress("database migrated");
  const { active_keys } = JSON.parse(stdout) as { active_keys: boolean };
  const { REQUIRE_KEYS = "off", REQUIRE_KEYS_FILE } = shared;
  if (active_keys && REQUIRE_KEYS_FILE === undefined && /^(off|no|false|0)$/i.test(REQUIRE_KEYS.trim())) {
    onProgress("WARNING: there are active keys, but none is required; to require them, run REQUIRE_KEYS=on make up");
  }
}

async function stopIfChanged({ name, settings }: ProductProcess, onProgress: Report): Promise<void> {
  const running = runningProcesses().find((entry) => entry.name === name);
  if (running === undefined) return;
  const changed = changedNames(running.settings, settings);
  if (changed.length === 0) return;
  onProgress(`stopping ${name}: ${changed.join(", ")} changed`);
  await end(running, running.stopSignal, 30_000);
}

function changedNames(before: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].filter((name) => before[name] !== now[name]);
}

async function ensure(wanted: ProductProcess, onProgress: Report): Promise<void> {
  const { name, launch, url, readyUrl, stopSignal, settings, ports } = wanted;
  if (runningProcesses().some((entry) => entry.name === name)) {
    onProgress(`${name} runs already`);
    return;
  }
  await assertRoomForClone(ports);
  const { identity } = start(launch);
  record({ ...identity, name, launch, url, readyUrl, stopSignal, settings, ports: ports.map(({ port }) => port) });
  if (!(await answersInTime(readyUrl, 60_000, () => isRunning(identity)))) {
    const missing = await whatIsMissing(readyUrl);
    const why = missing ?? `its log, ${launch.logFile}, ends with: ${lastLine(readFileSync(launch.logFile, "utf8"))}`;
    throw new LocalError(`${name} did not become ready; ${why}`);
  }
  onProgress(`${name} is ready`);
}
