import { LocalError } from "@confab/local";
import { kubectl, orFail } from "./commands.ts";
import { isGiven, kindName, type Environment } from "./settings.ts";

export interface Findings {
  readonly version: string;
  readonly ingress: boolean;
  readonly keda: boolean;
  readonly monitoring: boolean;
}

/** The chart's preStop sleep needs it. */
const oldestMinor = 30;

/** What the cluster has; throws a LocalError where it can't be reached, or lacks what Confab can't do without. */
export async function inspect(env: Environment): Promise<Findings> {
  const answer = await kubectl(env, ["version", "--output=json", "--request-timeout=10s"]);
  if (answer.code !== 0) {
    const which = isGiven(env) ? "The cluster of KUBECONFIG" : `The cluster kind-${kindName}`;
    const advice = isGiven(env)
      ? "check that file"
      : "make it with `make cluster`, or set KUBECONFIG to use another one";
    throw new LocalError(`${which} can't be reached: ${advice}.`);
  }
  const { serverVersion } = JSON.parse(answer.stdout) as { serverVersion: { gitVersion: string } };
  const [, minor = "0"] = /^v1\.(\d+)/.exec(serverVersion.gitVersion) ?? [];
  if (Number(minor) < oldestMinor) {
    throw new LocalError(
      `The cluster runs Kubernetes ${serverVersion.gitVersion}: Confab needs 1.${oldestMinor} or later.`,
    );
  }
  if ((await names(env, "storageclasses")).length === 0) {
    throw new LocalError("The cluster has no StorageClass: the bundled stores could not keep their data.");
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

/** One line for each addon, with what is done without it. */
export function describe({ version, ingress, keda, monitoring }: Findings): string[] {
  const line = (there: boolean, name: string, without: string) => `${name}: ${there ? "there" : `missing, ${without}`}`;
  return [
    `Kubernetes ${version}`,
    line(ingress, "an ingress controller of class nginx", "Confab is reached by port-forward"),
    line(keda, "KEDA", "the number of workers is fixed"),
    line(monitoring, "the Prometheus operator", "nothing is scraped"),
  ];
}

async function names(env: Environment, kind: string): Promise<string[]> {
  const { stdout } = orFail(await kubectl(env, ["get", kind, "--output=name"]), `Reading the cluster's ${kind}`);
  return stdout.split("\n").filter((name) => name !== "");
}
