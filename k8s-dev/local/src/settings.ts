import { join } from "node:path";
import { LocalError } from "./local-error.ts";

/** The repository, and what a run keeps in it: everything below .confab/, which git ignores. */
export const paths = {
  root: join(import.meta.dirname, "../../.."),
  state: join(import.meta.dirname, "../../../.confab/state.json"),
  lock: join(import.meta.dirname, "../../../.confab/lock"),
  data: join(import.meta.dirname, "../../../.confab/data"),
  logs: join(import.meta.dirname, "../../../.confab/logs"),
  nginx: join(import.meta.dirname, "../../../.confab/nginx"),
};

// Not the stores' usual ports: a developer often has servers of his own there.
const defaultPorts = {
  CONFAB_PORT: 8080,
  CONFAB_INGEST_PORT: 8081,
  CONFAB_API_PORT: 8082,
  CONFAB_INGEST_ADMIN_PORT: 9081,
  CONFAB_API_ADMIN_PORT: 9082,
  CONFAB_WORKER_ADMIN_PORT: 9083,
  CONFAB_REDIS_PORT: 16379,
  CONFAB_MYSQL_PORT: 13306,
  CONFAB_ELASTICSEARCH_PORT: 19200,
} as const;

export type PortVariable = keyof typeof defaultPorts;
export type Ports = Readonly<Record<PortVariable, number>>;

/** The ports of a run: each has a default and a variable of the environment that changes it. */
export function readPorts(env: NodeJS.ProcessEnv): Ports {
  const ports: Record<PortVariable, number> = { ...defaultPorts };
  for (const variable of Object.keys(defaultPorts) as PortVariable[]) {
    const value = env[variable];
    if (value === undefined || value === "") continue;
    const port = Number(value);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new LocalError(`${variable} must be a port, a whole number from 1 to 65535.`);
    }
    ports[variable] = port;
  }
  return ports;
}
