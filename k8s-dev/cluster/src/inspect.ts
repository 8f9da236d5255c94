import { LocalError } from "@confab/local";
import { kubectl, orFail } from "./commands.ts";
import { isGiven, kindName, type Environment } from "./settings.ts";

export interface Findings {
  readonly version: string;
  readonly ingress: boolean;
  readonly keda: boolean;
  readonly monitoring: boolean;
}

/** Minor version of the oldest supported Kubernetes. The chart's preStop sleep requires it. */
const oldestMinor = 30;

/**
 * Reads the version and addons of the cluster. Throws a LocalError if the cluster cannot be reached, or if it lacks
 * something that Confab requires.
 */
export async function inspect(env: Environment): Promise<Findings> {
  const answer = await kubectl(env, ["version", "--output=json", "--request-timeout=10s"]);
  if (answer.code !== 0) {
    const which = isGiven(env) ? "The cluster of KUBECONFIG" : `The cluster kind-${kindName}`;
    const advice = isGiven(env)
      ? "check that file and the cluster"
      : "create it with `make cluster`, or set KUBECONFIG to use another one";
    throw new LocalError(`${which} cannot be reached: ${advice}.`);
  }
  const { serverVersion } = JSON.parse(answer.stdout) as { serverVersion: { gitVersion: string } };
  const [, minor = "0"] = /^v1\.(\d+)/.exec(serverVersion.gitVersion) ?? [];
  if (Number(minor) < oldestMinor) {
    throw new LocalError(
      `The cluster runs Kubernetes ${serverVersion.gitVersion}, but Confab requires 1.${oldestMinor} or later: upgrade it, or use another one.`,
    );
  }
  if ((await names(env, "storageclasses")).length === 0) {
    throw new LocalError(
      "The cluster has no StorageClass, so the bundled stores could not keep their data: create one and make it the default.",
    );
  }
  const [classes, definitions] = await Promise.all([
    names(env, "ingressclasses"),
    names(env, "customresourcedefinitions"),
  ]);
  return {
    version: serverVersion.gitVersion,
    ingress: classes.includes("ingressclass.networking.k8s.io/nginx"),
    keda: definitions.some((name) => name.endsWith("/scaledobjects.keda.sh")),
    monitoring: definitions.some((name) => name.endsWith("/servicemonitors.monitoring.coreos.com")),
  };
}

/** Describes each addon in one line, with the consequence if it is missing. */
export function describe({ version, ingress, keda, monitoring }: Findings): string[] {
  const line = (isFound: boolean, name: string, without: string) =>
    `${name}: ${isFound ? "found" : `missing, ${without}`}`;
  return [
    `Kubernetes ${version}`,
    line(ingress, "an ingress controller of class nginx", "use port-forward to reach Confab"),
    line(keda, "KEDA", "the number of workers is fixed"),
    line(monitoring, "the Prometheus operator", "nothing is scraped"),
  ];
}

async function names(env: Environment, kind: string): Promise<string[]> {
  const { stdout } = orFail(await kubectl(env, ["get", kind, "--output=name"]), `Reading the cluster's ${kind}`);
  return stdout.split("\n").filter((name) => name !== "");
}
