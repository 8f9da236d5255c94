import { createHash } from "node:crypto";
import { totalmem } from "node:os";
import { join } from "node:path";
import { LocalError } from "./local-error.ts";
import { isReachable } from "./server-user.ts";

const root = join(import.meta.dirname, "../../..");

/** Paths of the repository and of what a run keeps, mostly below .confab/, which git ignores. */
export const paths = {
  root,
  state: join(root, ".confab/state.json"),
  settings: join(root, ".confab/settings.json"),
  lock: join(root, ".confab/lock"),
  data: dataFolder(),
  logs: join(root, ".confab/logs"),
  nginx: join(root, ".confab/nginx"),
  /** Folder in which Node caches compiled code, which halves the start time of a service. */
  code: join(root, "node_modules/.cache/node"),
};

/**
 * Returns the folder for the stores' data. If root starts the stores, they run as a different user, who cannot reach
 * data below a folder that only root may enter, such as /root. In this case, the data is below /var/lib, like that of
 * system servers.
 */
function dataFolder(): string {
  if (process.getuid?.() !== 0 || isReachable(root)) return join(root, ".confab/data");
  return join("/var/lib/confab", createHash("sha256").update(root).digest("hex").slice(0, 8));
}

/**
 * Returns Redis' memory limit: CONFAB_REDIS_MAXMEMORY, or else a quarter of the available memory, between 128 MiB and 2
 * GiB.
 */
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

// The stores do not use their usual ports, because developers often run other servers there.
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

/** Variables of `make up` itself. The services' variables are in their schemas. */
export const ownVariables: readonly string[] = [
  ...Object.keys(defaultPorts),
  "CONFAB_PORT_OFFSET",
  "CONFAB_BIND",
  "CONFAB_REDIS_MAXMEMORY",
  "FLOOD_RATE",
  "FLOOD_BURST",
  "FLOOD_ADMIN_RATE",
  "FLOOD_ADMIN_BURST",
  "FLOOD_OTHER_RATE",
  "FLOOD_OTHER_BURST",
];

/**
 * Maximum port offset. Offsets are multiples of 10. The difference between two offsets never equals the difference
 * between two default ports, so clones never share a port.
 */
export const maxOffset = 990;

/** Reads the ports of a run. Each port is set by its own variable, or else is its default plus CONFAB_PORT_OFFSET. */
export function readPorts(env: NodeJS.ProcessEnv): Ports {
  const ofOffset = `a multiple of 10 from 0 to ${maxOffset}`;
  const offset = wholeNumber(env, "CONFAB_PORT_OFFSET", 0, maxOffset, ofOffset) ?? 0;
  if (offset % 10 !== 0) throw new LocalError(`CONFAB_PORT_OFFSET must be ${ofOffset}.`);
  const names = Object.keys(defaultPorts) as PortVariable[];
  const form = "a port, a whole number from 1 to 65535";
  const ports = names.map((name) => [name, wholeNumber(env, name, 1, 65_535, form) ?? defaultPorts[name] + offset]);
  return Object.fromEntries(ports) as Ports;
}

function wholeNumber(env: NodeJS.ProcessEnv, name: string, min: number, max: number, form: string): number | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) throw new LocalError(`${name} must be ${form}.`);
  return value;
}
