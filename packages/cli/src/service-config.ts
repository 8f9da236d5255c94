import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Environment } from "@confab/runtime";
import { z } from "zod";
import { CommandError } from "./errors.ts";
import { repositoryRoot } from "./repository.ts";

export const serviceNames = ["ingest", "api", "worker"] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface ServiceConfig {
  readonly name: ServiceName;
  readonly schema: z.ZodObject;
  /** Throws a ConfigError that lists every problem. */
  readonly load: (env: Environment) => unknown;
}

const isFunction = (value: unknown): value is (env: Environment) => unknown => typeof value === "function";

/**
 * Reads a service's own schema. Packages don't import services, so it is looked up at run time, beside this package: where
 * the services are not installed, this fails with a sentence and every other command works.
 */
export async function loadServiceConfig(name: ServiceName): Promise<ServiceConfig> {
  const root = repositoryRoot();
  const built = import.meta.filename.endsWith(".js");
  const file = join(root ?? "/", "services", name, built ? "dist/src/config.js" : "src/config.ts");
  if (root === undefined || !existsSync(file)) {
    throw new CommandError("unexpected", `${name} is not installed beside confabctl: run this where it is.`);
  }
  const found = z
    .object({ [`${name}Environment`]: z.instanceof(z.ZodObject), loadConfig: z.custom(isFunction) })
    .parse(await import(pathToFileURL(file).href));
  return { name, schema: found[`${name}Environment`] as z.ZodObject, load: found.loadConfig as ServiceConfig["load"] };
}
