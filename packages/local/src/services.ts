import { join } from "node:path";
import { pick } from "./kept-settings.ts";
import type { Launch } from "./launch.ts";
import type { WantedPort } from "./ports.ts";
import { paths, type PortVariable, type Ports } from "./settings.ts";
import type { Stores } from "./stores.ts";

export const serviceNames = ["ingest", "api", "worker"] as const;
export type ServiceName = (typeof serviceNames)[number];

/** Names of the variables in each service's schema. */
export type ServiceVariables = Readonly<Record<ServiceName, readonly string[]>>;

/** A process of Confab: how to start it, and the URL that answers when it is ready. */
export interface ProductProcess {
  readonly name: ServiceName | "nginx";
  readonly launch: Launch;
  /** Settings of the process. If one of them changes, the process is restarted. */
  readonly settings: Readonly<Record<string, string>>;
  readonly ports: readonly WantedPort[];
  readonly url: string;
  readonly readyUrl: string;
  readonly stopSignal: "SIGTERM" | "SIGQUIT";
}

export const sourceCondition = "--conditions=@confab/source";

/**
 * Returns the arguments of Node that run a service, with the same garbage collector flags as in the chart. The service
 * runs from its sources or, like in the image, as compiled by `tsc -b`. `root` may be a copy of the repository.
 */
export function serviceArguments(name: ServiceName, { isCompiled = false, root = paths.root } = {}): string[] {
  const flags =
    name === "ingest" ? ["--max-semi-space-size=16", "--no-parallel-scavenge"] : ["--max-semi-space-size=8"];
  const folder = join(root, "services", name);
  return isCompiled
    ? [...flags, join(folder, "dist/src/main.js")]
    : [sourceCondition, ...flags, join(folder, "src/main.ts")];
}

const listening = {
  ingest: { PORT: "CONFAB_INGEST_PORT", ADMIN_PORT: "CONFAB_INGEST_ADMIN_PORT" },
  api: { PORT: "CONFAB_API_PORT", ADMIN_PORT: "CONFAB_API_ADMIN_PORT" },
  worker: { ADMIN_PORT: "CONFAB_WORKER_ADMIN_PORT" },
} as const satisfies Record<ServiceName, Partial<Record<"PORT" | "ADMIN_PORT", PortVariable>>>;

type StoreUrls = Pick<Stores, "redisUrl" | "databaseUrl" | "elasticsearchUrl">;

/**
 * Returns the settings that all services share: the settings of the run and the URLs of the stores. The services listen
 * only on this machine; only nginx may be reachable from others.
 */
export function productEnvironment(settings: NodeJS.ProcessEnv, stores: StoreUrls, ports: Ports): NodeJS.ProcessEnv {
  return {
    ...settings,
    HOST: "127.0.0.1",
    SEARCH_BACKEND: stores.elasticsearchUrl === undefined ? "mysql" : "elasticsearch",
    ELASTICSEARCH_URL: stores.elasticsearchUrl,
    REDIS_URL: stores.redisUrl,
    DATABASE_URL: stores.databaseUrl,
    // nginx is the only proxy in front of the services.
    TRUSTED_PROXIES: "1",
    PUBLIC_URL: settings.PUBLIC_URL ?? `http://localhost:${ports.CONFAB_PORT}`,
  };
}

/** Returns the ports of the three services. */
export function servicePorts(ports: Ports): Record<ServiceName, WantedPort[]> {
  const wanted = (name: ServiceName) =>
    Object.values(listening[name]).map((variable) => ({ port: ports[variable], name, variable }));
  return { ingest: wanted("ingest"), api: wanted("api"), worker: wanted("worker") };
}

/** Returns the three services, which run from their sources, each with the variables in its schema. */
export function serviceProcesses(
  shared: NodeJS.ProcessEnv,
  ports: Ports,
  variables: ServiceVariables,
): (ProductProcess & { readonly name: ServiceName })[] {
  return serviceNames.map((name) => {
    const own: NodeJS.ProcessEnv = {};
    for (const [key, variable] of Object.entries(listening[name])) own[key] = String(ports[variable]);
    const settings = pick({ ...shared, ...own }, variables[name]);
    const admin = `http://127.0.0.1:${ports[listening[name].ADMIN_PORT]}`;
    return {
      name,
      launch: {
        command: process.execPath,
        args: serviceArguments(name),
        cwd: paths.root,
        env: { ...ofTheMachine(), ...settings },
        logFile: join(paths.logs, `${name}.log`),
      },
      settings,
      ports: servicePorts(ports)[name],
      url: name === "worker" ? admin : `http://127.0.0.1:${ports[listening[name].PORT]}`,
      readyUrl: `${admin}/readyz`,
      stopSignal: "SIGTERM",
    };
  });
}

/**
 * Returns the environment variables that every program needs. A process that outlives the terminal gets no other
 * variables from the terminal.
 */
export function ofTheMachine(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, TZ, LANG, NODE_V8_COVERAGE, NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, TMPDIR, TZ, LANG, NODE_V8_COVERAGE, NODE_COMPILE_CACHE };
}
