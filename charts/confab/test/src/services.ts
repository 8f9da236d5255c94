import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Environment } from "@confab/runtime";
import { z } from "zod";
import { repositoryFolder } from "./paths.ts";

export const serviceNames = ["ingest", "api", "worker"] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface ServiceConfig {
  readonly names: readonly string[];
  readonly required: readonly string[];
  /** Throws a ConfigError that lists every problem. */
  readonly load: (env: Environment) => unknown;
}

/** The configuration of a service. It is imported at run time, because nothing may depend on a service. */
export async function serviceConfig(name: ServiceName): Promise<ServiceConfig> {
  const file = join(repositoryFolder, "services", name, "src/config.ts");
  const found = z
    .object({ [`${name}Environment`]: z.instanceof(z.ZodObject), loadConfig: z.function() })
    .parse(await import(pathToFileURL(file).href));
  const schema = found[`${name}Environment`] as z.ZodObject;
  const leaves = Object.entries(schema.shape) as [string, z.ZodType][];
  return {
    names: leaves.map(([leaf]) => leaf),
    required: leaves.filter(([, leaf]) => !leaf.safeParse(undefined).success).map(([leaf]) => leaf),
    load: found.loadConfig as ServiceConfig["load"],
  };
}
