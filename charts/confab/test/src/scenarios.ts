import { readdirSync } from "node:fs";
import { join } from "node:path";
import { template } from "./helm.ts";
import { parseManifests, type Manifest } from "./manifests.ts";
import { chartFolder } from "./paths.ts";

const ending = "-values.yaml";

/** The tested scenarios: one file of values each, in the folder ci of the chart. */
export const scenarios: readonly string[] = readdirSync(join(chartFolder, "ci"))
  .filter((file) => file.endsWith(ending))
  .map((file) => file.slice(0, -ending.length));

export function valuesFile(scenario: string): string {
  return join(chartFolder, "ci", `${scenario}${ending}`);
}

const rendered = new Map<string, Promise<readonly Manifest[]>>();

/** Renders the objects of a scenario, rendered once per process. Throws the error output of Helm. */
export function render(scenario: string): Promise<readonly Manifest[]> {
  const manifests = rendered.get(scenario) ?? renderWith("--values", valuesFile(scenario));
  rendered.set(scenario, manifests);
  return manifests;
}

/** Renders with these arguments of `helm template`. Throws the error output of Helm. */
export async function renderWith(...args: readonly string[]): Promise<readonly Manifest[]> {
  const { code, stdout, stderr } = await template(args);
  if (code !== 0) throw new Error(stderr);
  return parseManifests(stdout);
}
