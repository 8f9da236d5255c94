import { LocalError } from "@confab/local";
import { helm, orFail } from "./commands.ts";
import { describe, inspect } from "./inspect.ts";
import { run } from "./run.ts";
import { isGiven, kindName, paths, readVersions, type Addon, type Environment } from "./settings.ts";

type Report = (line: string) => void;

/** Creates the kind cluster and its addons, if they do not exist. If KUBECONFIG is set, only inspects that cluster. */
export async function cluster(env: Environment, report: Report): Promise<void> {
  if (!isGiven(env)) await makeCluster(env, report);
  for (const line of describe(await inspect(env))) report(line);
}

/** Removes the kind cluster, its registry and all data in it. Throws a LocalError if KUBECONFIG names the cluster. */
export async function clusterDown(env: Environment, report: Report): Promise<void> {
  if (isGiven(env)) {
    throw new LocalError(
      "The cluster of KUBECONFIG was not created by `make cluster`, so it is not removed: remove Confab from it with `helm uninstall`.",
    );
  }
  await needPrograms();
  orFail(await run("ctlptl", ["delete", "--ignore-not-found", "-f", paths.cluster], { show: true }), "ctlptl delete");
  report(`removed the cluster kind-${kindName}`);
}

async function makeCluster(env: Environment, report: Report): Promise<void> {
  await needPrograms();
  report(`creating the cluster kind-${kindName} with a registry`);
  orFail(await run("ctlptl", ["apply", "-f", paths.cluster], { show: true }), "ctlptl apply");
  for (const addon of readVersions().addons) {
    report(`installing ${addon.name} ${addon.version}`);
    orFail(await helm(env, installArgs(addon)), `Installing ${addon.name}`);
  }
}

function installArgs({ name, namespace, repository, version }: Addon): string[] {
  return [
    "upgrade",
    "--install",
    name,
    name,
    "--repo",
    repository,
    "--version",
    version,
    "--namespace",
    namespace,
    "--create-namespace",
    "--values",
    paths.valuesOf(name),
    "--wait",
    "--timeout",
    "10m",
  ];
}

async function needPrograms(): Promise<void> {
  const otherwise = "or set KUBECONFIG to use an existing cluster.";
  if ((await run("docker", ["info"])).code !== 0) {
    throw new LocalError(`Docker does not run, so no cluster can be created: install and start it, ${otherwise}`);
  }
  const missing: string[] = [];
  for (const program of ["kind", "ctlptl"]) {
    if ((await run(program, ["version"])).code !== 0) missing.push(program);
  }
  if (missing.length > 0) {
    throw new LocalError(
      `The commands ${missing.join(" and ")} are not installed, so no cluster can be created: install them, ${otherwise}`,
    );
  }
}
