import { readFileSync } from "node:fs";
import { join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Addon {
  readonly name: string;
  readonly namespace: string;
  readonly repository: string;
  readonly version: string;
}

const folder = join(import.meta.dirname, "..");

export const paths = {
  repository: join(folder, "../.."),
  cluster: join(folder, "ctlptl.yaml"),
  chart: join(folder, "../../charts/confab"),
  build: join(folder, "../images/build.sh"),
  valuesOf: (name: string) => join(folder, "values", `${name}.yaml`),
};

export const kindName = "confab";

/** Reads the versions of Kubernetes and the addons for development clusters. */
export function readVersions(): { readonly kubernetes: string; readonly addons: readonly Addon[] } {
  const text = readFileSync(join(folder, "versions.json"), "utf8");
  const { kubernetes, addons } = JSON.parse(text) as {
    kubernetes: string;
    addons: Readonly<Record<string, Omit<Addon, "name">>>;
  };
  return { kubernetes, addons: Object.entries(addons).map(([name, addon]) => ({ name, ...addon })) };
}

/** Returns whether to use the cluster of KUBECONFIG instead of the cluster that `make cluster` creates. */
export function isGiven(env: Environment): boolean {
  return (env.KUBECONFIG ?? "") !== "";
}

/** Returns the arguments with which helm and kubectl select the cluster. */
export function contextArgs(env: Environment): { helm: readonly string[]; kubectl: readonly string[] } {
  if (isGiven(env)) return { helm: [], kubectl: [] };
  return { helm: [`--kube-context=kind-${kindName}`], kubectl: [`--context=kind-${kindName}`] };
}

/** Returns the image to build and install: IMAGE, or by default confab with the version of the repository. */
export function readImage(env: Environment): {
  readonly name: string;
  readonly repository: string;
  readonly tag: string;
} {
  const { version } = JSON.parse(readFileSync(join(paths.repository, "package.json"), "utf8")) as { version: string };
  const given = env.IMAGE === undefined || env.IMAGE === "" ? `confab:${version}` : env.IMAGE;
  // A colon before the last slash belongs to the port of a registry.
  const colon = given.indexOf(":", given.lastIndexOf("/") + 1);
  const repository = colon === -1 ? given : given.slice(0, colon);
  const tag = colon === -1 ? version : given.slice(colon + 1);
  return { name: `${repository}:${tag}`, repository, tag };
}
