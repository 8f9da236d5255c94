import type { Stores } from "./stores.ts";
import type { PortVariable, Ports } from "./settings.ts";

export const serviceNames = ["ingest", "api", "worker"] as const;
type ServiceName = (typeof serviceNames)[number];

/** How a process of the product is started and how one sees that it is ready. */
export interface ProductProcess {
  readonly name: ServiceName | "nginx";
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Each with the variable that chooses another. */
  readonly ports: readonly { readonly port: number; readonly variable: PortVariable }[];
  readonly url: string;
  readonly readyUrl: string;
  readonly stopSignal: "SIGTERM" | "SIGQUIT";
}

export const sourceCondition = "--conditions=@confab/source";

/** The environment that all of the product's processes share: what the caller has, and where the stores are; only nginx is for others. */
export function productEnvironment(env: NodeJS.ProcessEnv, stores: StoreUrls, ports: Ports): NodeJS.ProcessEnv {
  return {
    ...env,
    HOST: "127.0.0.1",
    SEARCH_BACKEND: stores.elasticsearchUrl === undefined ? "mysql" : "elasticsearch",
    ELASTICSEARCH_URL: stores.elasticsearchUrl,
    REDIS_URL: stores.redisUrl,
    DATABASE_URL: stores.databaseUrl,
    PUBLIC_URL: env.PUBLIC_URL ?? `http://localhost:${ports.CONFAB_PORT}`,
  };
}

type StoreUrls = Pick<Stores, "redisUrl" | "databaseUrl" | "elasticsearchUrl">;

/** The three services, from their sources; `watch` restarts one when a file that it loads changes. */
export function serviceProcesses(
  shared: NodeJS.ProcessEnv,
  ports: Ports,
  { watch }: { readonly watch: boolean },
): ProductProcess[] {
  const listening = {
    ingest: { PORT: "CONFAB_INGEST_PORT", ADMIN_PORT: "CONFAB_INGEST_ADMIN_PORT" },
    api: { PORT: "CONFAB_API_PORT", ADMIN_PORT: "CONFAB_API_ADMIN_PORT" },
    worker: { ADMIN_PORT: "CONFAB_WORKER_ADMIN_PORT" },
  } as const satisfies Record<ServiceName, Partial<Record<"PORT" | "ADMIN_PORT", PortVariable>>>;
  return serviceNames.map((name) => {
    const variables = Object.entries(listening[name]);
    const admin = `http://127.0.0.1:${ports[listening[name].ADMIN_PORT]}`;
    return {
      name,
      command: process.execPath,
      args: [...(watch ? ["--watch", "--watch-preserve-output"] : []), sourceCondition, `services/${name}/src/main.ts`],
      env: { ...shared, ...Object.fromEntries(variables.map(([key, variable]) => [key, String(ports[variable])])) },
      ports: variables.map(([, variable]) => ({ port: ports[variable], variable })),
      url: name === "worker" ? admin : `http://127.0.0.1:${ports[listening[name].PORT]}`,
      readyUrl: `${admin}/readyz`,
      stopSignal: "SIGTERM",
    };
  });
}
