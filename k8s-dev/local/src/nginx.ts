import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { LocalError } from "./local-error.ts";

export interface NginxSettings {
  /** What to listen on: `127.0.0.1:8080`. */
  readonly listen: string;
  /** Host and port of the services behind it. */
  readonly ingest: string;
  readonly api: string;
  /** Configuration, pid and temporary files. */
  readonly dir: string;
  readonly accessLog: string;
  /** For POST /messages, per client address; undefined: no limit. */
  readonly flood: FloodLimit | undefined;
}

export interface FloodLimit {
  readonly requestsPerSecond: number;
  readonly burst: number;
}

/** From RATE_LIMITS (`off`, `false`, `no` or `0`, as the services take it: no limit), FLOOD_RATE and FLOOD_BURST; 10 a second with a burst of 20 where they are not set. */
export function floodLimit(env: NodeJS.ProcessEnv): FloodLimit | undefined {
  if (/^(off|false|no|0)$/i.test(env.RATE_LIMITS ?? "")) return undefined;
  const whole = (name: "FLOOD_RATE" | "FLOOD_BURST", fallback: number) => {
    const value = env[name];
    if (value === undefined || value === "") return fallback;
    if (!/^[1-9]\d{0,5}$/.test(value)) throw new LocalError(`${name} must be a whole number from 1 to 999999.`);
    return Number(value);
  };
  return { requestsPerSecond: whole("FLOOD_RATE", 10), burst: whole("FLOOD_BURST", 20) };
}

/** Writes the configuration below `dir` and gives the arguments that start nginx with it, in the foreground. */
export function writeNginxConfig(settings: NginxSettings): string[] {
  const { flood } = settings;
  const values: Record<string, string> = {
    ...settings,
    // As root, the workers would else run as nobody, who can't read what lies in root's folders.
    user: process.getuid?.() === 0 ? `user ${userInfo().username};` : "",
    // Only requests with a key are counted, so that other methods on the path are not.
    floodZone: flood
      ? `  map $request_method $flood_key { POST $binary_remote_addr; default ""; }\n` +
        `  limit_req_zone $flood_key zone=flood:10m rate=${flood.requestsPerSecond}r/s;`
      : "",
    // An error_page of a location replaces those of the server: all are named again.
    floodLimit: flood
      ? `      limit_req zone=flood burst=${flood.burst} nodelay;\n      limit_req_status 429;\n      limit_req_log_level info;\n` +
        `      error_page 413 @too-large;\n      error_page 429 @rate-limited;\n      error_page 502 504 = @unavailable;`
      : "",
    flood: "",
  };
  const template = readFileSync(join(import.meta.dirname, "../nginx.conf.template"), "utf8");
  const file = join(settings.dir, "nginx.conf");
  mkdirSync(settings.dir, { recursive: true });
  mkdirSync(dirname(settings.accessLog), { recursive: true });
  writeFileSync(
    file,
    template.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? ""),
  );
  return ["-e", "stderr", "-p", settings.dir, "-c", file];
}
