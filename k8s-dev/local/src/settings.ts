import { createHash } from "node:crypto";
import { totalmem } from "node:os";
import { join } from "node:path";
import { LocalError } from "./local-error.ts";
import { isReachable } from "./server-user.ts";

const root = join(import.meta.dirname, "../../..");

/** The repository, and what a run keeps in it: everything below .confab/, which git ignores. */
export const paths = {
  root,
  state: join(import.meta.dirname, "../../../.confab/state.json"),
  lock: join(import.meta.dirname, "../../../.confab/lock"),
  data: dataFolder(),
  logs: join(import.meta.dirname, "../../../.confab/logs"),
  nginx: join(import.meta.dirname, "../../../.confab/nginx"),
};

/**
 * As root the stores run as a user of their own, who reaches no data below a folder that only root may enter, as /root is:
 * then it lies where the system's servers have theirs.
 */
function dataFolder(): string {
  if (process.getuid?.() !== 0 || isReachable(root)) return join(root, ".confab/data");
  return join("/var/lib/confab", createHash("sha256").update(root).digest("hex").slice(0, 8));
}

/** What Redis may take: CONFAB_REDIS_MAXMEMORY, else a quarter of the memory, from 128 MiB to 2 GiB. */
export function redisMaxmemory(env: NodeJS.ProcessEnv): string {
  const given = env.CONFAB_REDIS_MAXMEMORY;
  if (given !== undefined && given !== "") {
    if (!/^[1-9]\d{0,11}([kmg]b?)?$/i.test(given)) {
      throw new LocalError("CONFAB_REDIS_MAXMEMORY must be a size, such as 512mb or 2gb.");
    }
    return given;
  }
  const limit = process.constrainedMemory();
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return `${Math.round(Math.min(Math.max(memory / 4, 128 * mebibyte), 2048 * mebibyte) / mebibyte)}mb`;
}

const mebibyte = 1024 ** 2;

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
