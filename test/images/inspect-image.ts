import { readFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  dev?: boolean;
  optional?: boolean;
  devOptional?: boolean;
}

/**
 * Returns the npm paths of all modules that are needed only for development or on some platforms, such as
 * `node_modules/typescript`.
 */
export function unwantedModules(): string[] {
  const lock = readFileSync(join(import.meta.dirname, "../../package-lock.json"), "utf8");
  const { packages } = JSON.parse(lock) as { packages: Record<string, LockedPackage> };
  return Object.entries(packages)
    .filter(([, { dev, optional, devOptional }]) => dev ?? optional ?? devOptional ?? false)
    .map(([path]) => path);
}

/** Source for `node --eval` in the image, which may have no other program. It prints every path below /app as JSON. */
export const listFiles = `
  const paths = require("node:fs").readdirSync("/app", { recursive: true });
  console.log(JSON.stringify(paths));`;

/**
 * Source for `node --eval` in a running container. It prints the command line of process 1, the user id of the
 * container, whether this user can write to /app, and NODE_ENV.
 */
export const inspectProcess = `
  const { readFileSync, writeFileSync } = require("node:fs");
  const attempt = (path) => { try { writeFileSync(path, ""); return "written"; } catch (error) { return error.code; } };
  console.log(JSON.stringify({
    arguments: readFileSync("/proc/1/cmdline", "utf8").split("\\0").filter(Boolean),
    user: process.getuid(),
    root: attempt("/app/x"),
    environment: process.env.NODE_ENV,
  }));`;

/**
 * Source for `node --eval` in a running container. It sends SIGTERM to process 1. If process 1 has no handler for the
 * signal, the kernel drops it.
 */
export const endProcessOne = `process.kill(1, "SIGTERM")`;
