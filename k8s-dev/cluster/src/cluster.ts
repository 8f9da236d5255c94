import { LocalError } from "@confab/local";
import { helm, orFail } from "./commands.ts";
import { describe, inspect } from "./inspect.ts";
import { run } from "./run.ts";
import { isGiven, kindName, paths, readVersions, type Addon, type Environment } from "./settings.ts";

type Report = (line: string) => void;

/** Makes the kind cluster with its addons where they aren't yet; with KUBECONFIG, only looks at that cluster. */
export async function cluster(env: Environment, report: Report): Promise<void> {
  if (!isGiven(env)) await makeCluster(env, report);
  for (const line of describe(await inspect(env))) report(line);
}

/** Removes the kind cluster, its registry and all data in it; a cluster of KUBECONFIG is left alone. */
export async function clusterDown(env: Environment, report: Report): Promise<void> {
  if (isGiven(env)) {
    throw new LocalError("The cluster of KUBECONFIG was not made here: remove Confab from it with `helm uninstall`.");
  }
  await needPrograms();
  orFail(await run("ctlptl", ["delete", "--ignore-not-found", "-f", paths.cluster], { show: true }), "ctlptl delete");
  report(`the cluster kind-${kindName} is gone`);
}

async function makeCluster(env: Environment, report: Report): Promise<void> {
  await needPrograms();
  report(`making the cluster kind-${kindName}, with a registry`);
  orFail(await run("ctlptl", ["apply", "-f", paths.cluster], { show: true }), "ctlptl apply");
  for (const addon of readVersions().addons) {
    report(`installing ${addon.name} ${addon.version}`);
    orFail(await helm(env, installArgs(addon)), `Installing ${addon.name}`);
  }
}

function installArgs({ name, namespace, repository, version }: Addon): string[] {
  return [
    ...["upgrade", "--install", name, name, "--repo", repository, "--version", version],
    ...["--namespace", namespace, "--create-namespace", "--values", paths.valuesOf(name), "--wait", "--timeout", "10m"],
  ];
}

async function needPrograms(): Promise<void> {
  const otherwise = "or set KUBECONFIG to use a cluster that is there.";
  if ((await run("docker", ["info"])).code !== 0) {
    throw new LocalError(`Docker does not run here: install and start it to have a cluster made, ${otherwise}`);
  }
  const missing: string[] = [];
  for (const program of ["kind", "ctlptl"]) {
    if ((await run(program, ["version"])).code !== 0) missing.push(program);
  }
  if (missing.length > 0) {
    throw new LocalError(
      `${missing.join(" and ")} missing: install what is missing to have a cluster made, ${otherwise}`,
    );
  }
}
