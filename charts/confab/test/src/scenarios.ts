import { readdirSync } from "node:fs";
import { join } from "node:path";
import { template } from "./helm.ts";
import { parseManifests, type Manifest } from "./manifests.ts";
import { chartFolder } from "./paths.ts";

const ending = "-values.yaml";

/** The ways to install Confab that are tried: one file of values each, in the chart's ci folder. */
export const scenarios: readonly string[] = readdirSync(join(chartFolder, "ci"))
  .filter((file) => file.endsWith(ending))
  .map((file) => file.slice(0, -ending.length));

export function valuesFile(scenario: string): string {
  return join(chartFolder, "ci", `${scenario}${ending}`);
}

const rendered = new Map<string, Promise<readonly Manifest[]>>();

/** What a scenario installs, rendered once a process; throws with Helm's words where that fails. */
export function render(scenario: string): Promise<readonly Manifest[]> {
  const manifests = rendered.get(scenario) ?? renderWith("--values", valuesFile(scenario));
  rendered.set(scenario, manifests);
  return manifests;
}

/** Renders with these arguments of `helm template`; throws with Helm's words where that fails. */
export async function renderWith(...args: readonly string[]): Promise<readonly Manifest[]> {
  const { code, stdout, stderr } = await template(args);
  if (code !== 0) throw new Error(stderr);
  return parseManifests(stdout);
}
