import { LocalError } from "@confab/local";
import { cluster, clusterDown } from "./cluster.ts";
import { deploy } from "./deploy.ts";

const usage = `Confab on Kubernetes, for development.

  make cluster        make a kind cluster with an ingress controller, KEDA, Prometheus and Grafana;
                      with KUBECONFIG set, look at that cluster instead and say what it has
  make deploy         build the image, bring it into the cluster, install or upgrade the chart, wait
  make cluster-down   remove the kind cluster, its registry and all data in it

The environment can change:
  KUBECONFIG    a cluster that is there already, in place of the one that is made here
  IMAGE         the image's name (confab:<version in package.json>)
  CONFAB_LOAD   a shell command that brings $IMAGE into the cluster of KUBECONFIG; without it the image must be pulled
  NAMESPACE     where Confab is installed (confab)
  RELEASE       the release's name (confab)
  VALUES        a file of values, on top of k8s-dev/cluster/values/confab.yaml
  TIMEOUT       how long an installation may take (15m)
  BUILD=off     install an image that is built already

What k8s-dev/images/build.sh --help lists has its effect on make deploy as well.`;

const { env } = process;
const start = performance.now();

function report(line: string): void {
  console.log(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

const commands: Readonly<Record<string, () => Promise<void>>> = {
  up: () => cluster(env, report),
  deploy: () => deploy(env, { build: env.BUILD !== "off" }, report),
  down: () => clusterDown(env, report),
};

const [command = "--help"] = process.argv.slice(2);
const chosen = commands[command];
try {
  if (chosen !== undefined) await chosen();
  else if (command === "--help" || command === "-h") console.log(usage);
  else throw new LocalError(`There is no ${command}: choose one of ${Object.keys(commands).join(", ")}, or --help.`);
} catch (error) {
  if (!(error instanceof LocalError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
