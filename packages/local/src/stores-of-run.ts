import type { StoreName } from "./compose.ts";
import { end } from "./process-identity.ts";
import { protectState } from "./private-file.ts";
import type { WantedPort } from "./ports.ts";
import { paths, redisMaxmemory, type Ports } from "./settings.ts";
import { readState, record, runningProcesses, writeState } from "./state.ts";
import { startStores, type Stores } from "./stores.ts";

const portVariables = {
  redis: "CONFAB_REDIS_PORT",
  mysql: "CONFAB_MYSQL_PORT",
  elasticsearch: "CONFAB_ELASTICSEARCH_PORT",
} as const;
const names = ["redis", "mysql", "elasticsearch"] as const;

/** Returns the URLs of those stores that the settings name. */
function givenStores(settings: NodeJS.ProcessEnv): Partial<Record<StoreName, string | undefined>> {
  const isSearchless = settings.SEARCH_BACKEND === "mysql";
  return {
    redis: settings.REDIS_URL,
    mysql: settings.DATABASE_URL,
    elasticsearch: isSearchless ? undefined : settings.ELASTICSEARCH_URL,
  };
}

/** Returns the URLs, without passwords, that the stores will have once they are started. */
export function plannedStores(settings: NodeJS.ProcessEnv, ports: Ports) {
  const given = givenStores(settings);
  const isSearchless = settings.SEARCH_BACKEND === "mysql";
  return {
    redisUrl: given.redis ?? `redis://127.0.0.1:${ports.CONFAB_REDIS_PORT}`,
    databaseUrl: given.mysql ?? `mysql://confab@127.0.0.1:${ports.CONFAB_MYSQL_PORT}/confab`,
    elasticsearchUrl: isSearchless
      ? undefined
      : (given.elasticsearch ?? `http://127.0.0.1:${ports.CONFAB_ELASTICSEARCH_PORT}`),
  };
}

/** Returns the ports of the stores that this run starts itself. */
export function storePorts(settings: NodeJS.ProcessEnv, ports: Ports): WantedPort[] {
  const given = givenStores(settings);
  const { composeProject } = readState();
  // Docker manages the ports of its containers, so they are not checked here.
  if (composeProject !== undefined) return [];
  const started = names.filter((name) => given[name] === undefined);
  const wanted = started.filter((name) => name !== "elasticsearch" || settings.SEARCH_BACKEND !== "mysql");
  return wanted.map((name) => ({ name, port: ports[portVariables[name]], variable: portVariables[name] }));
}

/**
 * Returns the stores of this clone: those that the settings name, those that already run with the same settings, and
 * those started now over the clone's data.
 */
export async function storesOfRun(
  settings: NodeJS.ProcessEnv,
  ports: Ports,
  onProgress: (line: string) => void,
): Promise<Stores> {
  protectState();
  const given = givenStores(settings);
  for (const name of names) given[name] ??= await keptStore(name, settings, ports, onProgress);
  return startStores({
    onProgress,
    dir: paths.data,
    given: settings.SEARCH_BACKEND === "mysql" ? { ...given, elasticsearch: undefined } : given,
    searchBackend: settings.SEARCH_BACKEND,
    redisMaxmemory: redisMaxmemory(settings),
    ports: {
      redis: ports.CONFAB_REDIS_PORT,
      mysql: ports.CONFAB_MYSQL_PORT,
      elasticsearch: ports.CONFAB_ELASTICSEARCH_PORT,
    },
    portVariables,
  });
}

/** Returns the URL of a store that already runs with these settings. Stops a store that runs with different ones. */
async function keptStore(
  name: StoreName,
  settings: NodeJS.ProcessEnv,
  ports: Ports,
  onProgress: (line: string) => void,
): Promise<string | undefined> {
  const running = runningProcesses().find((entry) => entry.name === name);
  if (running === undefined) return undefined;
  const wanted = settingsOfStore(name, settings, ports);
  const changed = Object.keys(wanted).filter((key) => running.settings[key] !== wanted[key]);
  if (changed.length === 0) return running.url;
  onProgress(`stopping ${name}: ${changed.join(", ")} changed`);
  await end(running, running.stopSignal, 30_000);
  return undefined;
}

function settingsOfStore(name: StoreName, settings: NodeJS.ProcessEnv, ports: Ports): Record<string, string> {
  const variable = portVariables[name];
  const port = { [variable]: String(ports[variable]) };
  return name === "redis" ? { ...port, CONFAB_REDIS_MAXMEMORY: redisMaxmemory(settings) } : port;
}

/**
 * Records the stores, so that `down` can stop them. Until then, Ctrl-C ends them together with this process. Otherwise,
 * a store could keep running that `down` does not know.
 */
export function recordStores(
  { servers, composeProject, composeUrls = {} }: Stores,
  settings: NodeJS.ProcessEnv,
  ports: Ports,
): void {
  for (const server of servers) {
    const name = server.name as StoreName;
    const { url, port } = server;
    record({
      ...server.release(),
      name,
      url,
      ports: [port],
      stopSignal: "SIGTERM",
      settings: settingsOfStore(name, settings, ports),
    });
  }
  if (composeProject !== undefined) writeState({ ...readState(), composeProject, composeUrls });
}
