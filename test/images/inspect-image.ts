import { readFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  dev?: boolean;
  optional?: boolean;
  devOptional?: boolean;
}

/**
 * Returns the npm paths of all modules that only development or some platforms need, such as `node_modules/typescript`.
 */
export function unwantedModules(): string[] {
  const lock = readFileSync(join(import.meta.dirname, "../../package-lock.json"), "utf8");
  const { packages } = JSON.parse(lock) as { packages: Record<string, LockedPackage> };
  return Object.entries(packages)
    .filter(([, { dev, optional, devOptional }]) => dev ?? optional ?? devOptional ?? false)
    .map(([path]) => path);
}

/** For `node --eval` in the image, which may have no other program: prints every path below /app as JSON. */
export const listFiles = `
  const paths = require("node:fs").readdirSync("/app", { recursive: true });
  console.log(JSON.stringify(paths));`;

/**
 * For `node --eval` in a running container: prints the command and user of process 1, and whether it can write to /app.
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

/** For `node --eval` in a running container. The kernel drops a signal for which process 1 has no handler. */
export const endProcessOne = `process.kill(1, "SIGTERM")`;
