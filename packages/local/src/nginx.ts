import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { LocalError } from "./local-error.ts";

export interface NginxSettings {
  /** Address and port to listen on, such as `127.0.0.1:8080`. */
  readonly listen: string;
  /** Host and port of ingest; `api` contains those of the api. */
  readonly ingest: string;
  readonly api: string;
  /** URL at which clients reach Confab; nginx's own problem documents contain it. */
  readonly publicUrl: string;
  /** Folder for the configuration, the pid file and temporary files. */
  readonly dir: string;
  /** Access log: a file that only its owner may read, or a device such as /dev/stdout. */
  readonly accessLog: string;
  /** Limits per client address, or undefined for no limits. */
  readonly limits: AddressLimits | undefined;
  /** Maximum number of streams that the api keeps open. */
  readonly maxStreams: number;
  /** Origins of the web pages that may read nginx's own answers, as in CORS_ORIGINS. */
  readonly corsOrigins: readonly string[];
  /** Regular expressions for the Host headers that nginx accepts; all others are refused. */
  readonly hosts: readonly string[];
  /** User of nginx's workers. By default they run as the user of this process; only root can choose another one. */
  readonly user?: string;
}

export interface AddressLimits {
  /** Limit for POST /messages and POST /messages/batch together. */
  readonly sending: Limit;
  /** Limit for /applications and /admin/, where an admin key is required or applications are created without a key. */
  readonly admin: Limit;
  /** Limit for everything else, where clients could guess tokens. */
  readonly other: Limit;
  /** Maximum number of simultaneous requests, including open streams and long polls. */
  readonly open: number;
}

type RatedLimit = Exclude<keyof AddressLimits, "open">;

interface Limit {
  readonly requestsPerSecond: number;
  readonly burst: number;
}

/**
 * Returns the limits per client address, from RATE_LIMITS (like in the services, `off`, `false`, `no` or `0` mean no
 * limits) and two variables per limit: requests per second and burst.
 */
export function addressLimits(env: NodeJS.ProcessEnv): AddressLimits | undefined {
  if (/^(off|false|no|0)$/i.test(env.RATE_LIMITS ?? "")) return undefined;
  const whole = (name: string, fallback: number) => {
    const value = env[name];
    if (value === undefined || value === "") return fallback;
    if (!/^[1-9]\d{0,5}$/.test(value)) throw new LocalError(`${name} must be a whole number from 1 to 999999.`);
    return Number(value);
  };
  const limit = (prefix: string, rate: number, burst: number) => ({
    requestsPerSecond: whole(`${prefix}_RATE`, rate),
    burst: whole(`${prefix}_BURST`, burst),
  });
  return {
    sending: limit("FLOOD", 10, 20),
    admin: limit("FLOOD_ADMIN", 5, 50),
    other: limit("FLOOD_OTHER", 500, 1000),
    open: whole("FLOOD_OPEN", 1100),
  };
}

/** Returns the origins in CORS_ORIGINS. */
export function corsOriginsOf({ CORS_ORIGINS = "" }: NodeJS.ProcessEnv): string[] {
  const origins = CORS_ORIGINS.split(",").map((origin) => URL.parse(origin.trim())?.origin);
  return origins.filter((origin) => origin !== undefined);
}

/** Returns the maximum number of streams that the api keeps open, from MAX_STREAMS. */
export function maxStreamsOf({ MAX_STREAMS = "" }: NodeJS.ProcessEnv): number {
  return /^[1-9]\d{0,6}$/.test(MAX_STREAMS) ? Number(MAX_STREAMS) : 10_000;
}

/**
 * Returns regular expressions for the Host headers that nginx accepts: localhost, the host of PUBLIC_URL and the
 * address in CONFAB_BIND. If CONFAB_BIND stands for all addresses, any IP address is accepted: an attacker can point a
 * host name at this machine, but a page of that host then sends the host name.
 */
export function hostsOf(env: NodeJS.ProcessEnv): string[] {
  const bind = env.CONFAB_BIND ?? "";
  const publicHost = URL.parse(env.PUBLIC_URL ?? "")?.hostname ?? "";
  const literal = ["localhost", "127.0.0.1", "[::1]", publicHost, bind].filter((host) => host !== "");
  const isEverywhere = /^(0\.0\.0\.0|\[?::\]?)$/.test(bind);
  const escaped = literal.map((host) => host.replaceAll(/[^\w-]/g, String.raw`\$&`));
  return isEverywhere ? [...escaped, String.raw`[\d.]+`, String.raw`\[[\da-f:.]+\]`] : escaped;
}

/** Returns the URL at which clients reach Confab: PUBLIC_URL without a trailing slash, by default this machine. */
export function publicUrlOf(env: NodeJS.ProcessEnv, port: number): string {
  const url = URL.parse(env.PUBLIC_URL ?? "");
  return url === null ? `http://localhost:${port}` : `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

/** Writes the configuration to `dir` and returns the arguments that start nginx with it in the foreground. */
export function writeNginxConfig(settings: NginxSettings): string[] {
  const { limits, maxStreams, corsOrigins } = settings;
  const connections = 2 * maxStreams + 1000;
  const values: Record<string, string> = {
    listen: settings.listen,
    ingest: settings.ingest,
    api: settings.api,
    publicUrl: settings.publicUrl.replaceAll("$", "%24"),
    problems: indented(readFileSync(join(import.meta.dirname, "../nginx-problems.conf"), "utf8")),
    dir: settings.dir,
    accessLog: settings.accessLog,
    hosts: settings.hosts.join("|"),
    connections: String(connections),
    // In addition to the connections, workers open logs, listening sockets and the like.
    files: String(connections + 100),
    corsOrigins: corsOrigins.map((origin) => `    "${origin}" $http_origin;`).join("\n"),
    corsVary: corsOrigins.length > 0 ? "Origin" : "",
    user: userDirective(settings.user),
    limitZones: limits === undefined ? "" : limitZones(limits),
    sendingLimit: limits === undefined ? "" : `      ${limitIn("sending", limits.sending)}`,
    adminLimit: limits === undefined ? "" : `      ${limitIn("admin", limits.admin)}`,
    otherLimit:
      limits === undefined
        ? ""
        : `    limit_req_status 429;\n    limit_conn_status 429;\n    limit_conn open ${limits.open};\n    ${limitIn("other", limits.other)}`,
  };
  const template = readFileSync(join(import.meta.dirname, "../nginx.conf.template"), "utf8");
  const file = join(settings.dir, "nginx.conf");
  mkdirSync(settings.dir, { recursive: true });
  if (!settings.accessLog.startsWith("/dev/")) createPrivateLog(settings.accessLog);
  writeFileSync(
    file,
    template.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? ""),
  );
  return ["-e", "stderr", "-p", settings.dir, "-c", file];
}

/** Creates a log that only its owner may read. nginx itself would make it readable for everyone. */
function createPrivateLog(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  closeSync(openSync(file, "a", 0o600));
  chmodSync(file, 0o600);
}

/**
 * Returns the `user` directive. Without it, workers started by root would run as nobody, who cannot read root's
 * folders.
 */
function userDirective(user: string | undefined): string {
  if (user !== undefined) return `user ${user};`;
  return process.getuid?.() === 0 ? `user ${userInfo().username};` : "";
}

/**
 * Returns the zones of the limits. nginx counts only requests whose zone key is not empty, so the limit for sending
 * counts only POST requests.
 */
function limitZones(limits: AddressLimits): string {
  const zone = (name: RatedLimit, key: string) =>
    `  limit_req_zone ${key} zone=${name}:10m rate=${limits[name].requestsPerSecond}r/s;`;
  return [
    `  map $request_method $sending_key { POST $binary_remote_addr; default ""; }`,
    zone("sending", "$sending_key"),
    zone("admin", "$binary_remote_addr"),
    zone("other", "$binary_remote_addr"),
    `  limit_conn_zone $binary_remote_addr zone=open:10m;`,
  ].join("\n");
}

const indented = (text: string) => text.trimEnd().replaceAll(/^(?=.)/gm, "    ");

const limitIn = (zone: RatedLimit, { burst }: Limit) => `limit_req zone=${zone} burst=${burst} nodelay;`;
