import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { startService as start } from "@confab/testkit";

const root = join(import.meta.dirname, "../..");

/** Compiles the services like the build of the image. Throws an error with the compiler's messages. */
export async function compileServices(): Promise<void> {
  const services = ["ingest", "api", "worker"].map((name) => join(root, "services", name));
  await promisify(execFile)(join(root, "node_modules/.bin/tsc"), ["-b", ...services]).catch((error: unknown) => {
    throw new Error((error as { stdout: string }).stdout, { cause: error });
  });
}

/**
 * Starts a service like the image. Running the sources directly would add 25 MB to each process, for the compiler that
 * removes the types.
 */
export const startService: (...args: Parameters<typeof start>) => ReturnType<typeof start> = (name, env) =>
  start(name, env, { isCompiled: true });
