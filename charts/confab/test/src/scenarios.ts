import { readdirSync } from "node:fs";
import { join } from "node:path";
import { template } from "./helm.ts";
import { parseManifests, type Manifest } from "./manifests.ts";
import { chartFolder } from "./paths.ts";

const ending = "-values.yaml";

/** The tested scenarios. Each is a values file in the chart's folder `ci`. */
export const scenarios: readonly string[] = readdirSync(join(chartFolder, "ci"))
  .filter((file) => file.endsWith(ending))
  .map((file) => file.slice(0, -ending.length));

export function valuesFile(scenario: string): string {
  return join(chartFolder, "ci", `${scenario}${ending}`);
}

const rendered = new Map<string, Promise<readonly Manifest[]>>();

/** Renders the objects of a scenario, once per process. Throws an error with Helm's error output. */
export function render(scenario: string): Promise<readonly Manifest[]> {
  const manifests = rendered.get(scenario) ?? renderWith("--values", valuesFile(scenario));
  rendered.set(scenario, manifests);
  return manifests;
}

/** Renders the chart with these arguments of `helm template`. Throws an error with Helm's error output. */
export async function renderWith(...args: readonly string[]): Promise<readonly Manifest[]> {
  const { code, stdout, stderr } = await template(args);
  if (code !== 0) throw new Error(stderr);
  return parseManifests(stdout);
}
