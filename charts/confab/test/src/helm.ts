import { findTool, run, type RunResult } from "@confab/cluster";
import { chartFolder } from "./paths.ts";

/** API groups of a cluster with every addon. The chart creates some objects only if their kinds exist. */
const apiVersions = [
  "monitoring.coreos.com/v1",
  "keda.sh/v1alpha1",
  "gateway.networking.k8s.io/v1",
  "traefik.io/v1alpha1",
].flatMap((group) => ["--api-versions", group]);

export const release = { name: "confab", namespace: "chat" };

// This runs before the tests and outside their time limits, because the first use may download helm over a slow
// network.
before("find helm", async function () {
  this.timeout(600_000);
  await findTool("helm");
});

/** Runs `helm template` for a release named confab, like on a cluster with every addon. `args` set the values. */
export async function template(args: readonly string[]): Promise<RunResult> {
  const where = ["--namespace", release.namespace, "--kube-version", "1.34.0", ...apiVersions];
  return run(await findTool("helm"), ["template", release.name, chartFolder, ...where, ...args]);
}

/** Renders the same release against the cluster of a kubeconfig, where templates can look up objects. */
export async function templateOn(kubeconfig: string, args: readonly string[]): Promise<RunResult> {
  const where = [
    "--namespace",
    release.namespace,
    "--dry-run=server",
    "--disable-openapi-validation",
    "--kubeconfig",
    kubeconfig,
  ];
  return run(await findTool("helm"), ["template", release.name, chartFolder, ...where, ...args]);
}

/** Runs `helm lint --strict`. */
export async function lint(args: readonly string[]): Promise<RunResult> {
  return run(await findTool("helm"), ["lint", "--strict", chartFolder, ...args]);
}
