import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { StoreName } from "./compose.ts";
import { frontDoor } from "./front-door.ts";
import { LocalError } from "./local-error.ts";
import { startLogKeeper } from "./log-keeper.ts";
import { assertPortFree } from "./ports.ts";
import { end, isRunning } from "./process-identity.ts";
import { answersInTime, whatIsMissing } from "./ready.ts";
import { lastLine, run } from "./run.ts";
import { spawnLogged } from "./server.ts";
import { productEnvironment, serviceProcesses, sourceCondition } from "./services.ts";
import type { ProductProcess } from "./services.ts";
import { paths, readPorts, redisMaxmemory } from "./settings.ts";
import type { Ports } from "./settings.ts";
import { protectState, readState, record, writeState } from "./state.ts";
import { startStores } from "./stores.ts";
import type { Stores } from "./stores.ts";

/** Starts what does not run yet, in the background, and resolves when the product answers; what runs is kept. */
export async function up(env: NodeJS.ProcessEnv, onProgress: (line: string) => void): Promise<void> {
  const ports = readPorts(env);
  protectState();
  await assertProductPortsFree(env, ports);
  // Side by side: on a bare machine nginx is installed while the stores start.
  const [nginx, stores] = await Promise.all([frontDoor(env, ports, onProgress), storesOfRun(env, ports, onProgress)]);
  recordStores(stores);
  const shared = productEnvironment(env, stores, ports);
  await migrate(shared, onProgress);
  await Promise.all(serviceProcesses(shared, ports, { watch: false }).map((service) => ensure(service, onProgress)));
  await ensure(nginx, onProgress);
  if (!readState().processes.some(({ name }) => name === "log-keeper")) {
    const keeper = startLogKeeper([paths.logs, paths.data]);
    record({ ...keeper, name: "log-keeper", url: "", stopSignal: "SIGTERM", fingerprint: "" });
  }
  onProgress("ready");
}

/** First of all, so that a taken port is said at once and not when the stores are up. */
async function assertProductPortsFree(env: NodeJS.ProcessEnv, ports: Ports): Promise<void> {
  const running = new Set(readState().processes.map(({ name }) => name));
  const door = { name: "nginx", ports: [{ port: ports.CONFAB_PORT, variable: "CONFAB_PORT" }] };
  for (const { name, ports: wanted } of [...serviceProcesses(env, ports, { watch: false }), door]) {
    if (running.has(name)) continue;
    for (const { port, variable } of wanted) await assertPortFree(port, name, variable);
  }
}

/** The stores of this checkout: given by the environment, running already, or started now over its data. */
export async function storesOfRun(
  env: NodeJS.ProcessEnv,
  ports: Ports,
  onProgress: (line: string) => void,
): Promise<Stores> {
  protectState();
  const state = readState();
  const known = (name: StoreName) => state.processes.find((process) => process.name === name)?.url;
  const given = {
    redis: nonEmpty(env.REDIS_URL) ?? known("redis"),
    mysql: nonEmpty(env.DATABASE_URL) ?? known("mysql"),
    elasticsearch: nonEmpty(env.ELASTICSEARCH_URL) ?? known("elasticsearch"),
  };
  return startStores({
    onProgress,
    dir: paths.data,
    given: env.SEARCH_BACKEND === "mysql" ? { ...given, elasticsearch: undefined } : given,
    searchBackend: env.SEARCH_BACKEND,
    redisMaxmemory: redisMaxmemory(env),
    ports: {
      redis: ports.CONFAB_REDIS_PORT,
      mysql: ports.CONFAB_MYSQL_PORT,
      elasticsearch: ports.CONFAB_ELASTICSEARCH_PORT,
    },
    portVariables: {
      redis: "CONFAB_REDIS_PORT",
      mysql: "CONFAB_MYSQL_PORT",
      elasticsearch: "CONFAB_ELASTICSEARCH_PORT",
    },
  });
}

/** Until they are recorded, Ctrl-C ends them with this process: nothing runs that `down` does not know of. */
function recordStores({ servers, composeProject, composeUrls = {} }: Stores): void {
  for (const server of servers) {
    const { name, url } = server;
    record({ ...server.release(), name, url, stopSignal: "SIGTERM", fingerprint: "" });
  }
  if (composeProject !== undefined) writeState({ ...readState(), composeProject, composeUrls });
}

/** Brings the database's tables to this version's, with the command that an operator uses too. */
export async function migrate(shared: NodeJS.ProcessEnv, onProgress: (line: string) => void): Promise<void> {
  const args = [sourceCondition, "packages/cli/src/main.ts", "migrate"];
  const { code, stdout, stderr } = await run(process.execPath, args, { cwd: paths.root, env: shared });
  if (code !== 0) throw new LocalError(`The database could not be migrated: ${lastLine(`${stdout}\n${stderr}`)}`);
  onProgress("database migrated");
}

async function ensure(wanted: ProductProcess, onProgress: (line: string) => void): Promise<void> {
  const { name } = wanted;
  const fingerprint = fingerprintOf(wanted);
  const running = readState().processes.find((process) => process.name === name);
  if (running?.fingerprint === fingerprint) {
    onProgress(`${name} runs already`);
    return;
  }
  if (running !== undefined) {
    onProgress(`stopping ${name}: it runs with other settings`);
    await end(running, running.stopSignal, 30_000);
  }
  for (const { port, variable } of wanted.ports) await assertPortFree(port, name, variable);
  const logFile = join(paths.logs, `${name}.log`);
  const { identity } = spawnLogged(wanted.command, wanted.args, logFile, { cwd: paths.root, env: wanted.env });
  record({ ...identity, name, url: wanted.url, stopSignal: wanted.stopSignal, fingerprint });
  if (!(await answersInTime(wanted.readyUrl, 60_000, () => isRunning(identity)))) {
    const missing = await whatIsMissing(wanted.readyUrl);
    const why = missing ?? `its log, ${logFile}, ends with: ${lastLine(readFileSync(logFile, "utf8"))}`;
    throw new LocalError(`${name} did not become ready; ${why}`);
  }
  onProgress(`${name} is ready`);
}

// Not the whole environment: another terminal's odds and ends are no reason to restart.
const telling = ["RATE_LIMITS", "ADMIN_API_KEY", "LOG_LEVEL", "PORT", "ADMIN_PORT", "PUBLIC_URL"];
const tellingOfStores = ["REDIS_URL", "DATABASE_URL", "ELASTICSEARCH_URL", "SEARCH_BACKEND"];

function fingerprintOf({ name, args, env, url }: ProductProcess): string {
  const values = [...telling, ...tellingOfStores].map((variable) => env[variable] ?? null);
  const config = name === "nginx" ? readFileSync(args.at(-1) ?? "", "utf8") : "";
  return createHash("sha256")
    .update(JSON.stringify([args, values, url, config]))
    .digest("hex");
}

const nonEmpty = (value: string | undefined) => (value === "" ? undefined : value);
