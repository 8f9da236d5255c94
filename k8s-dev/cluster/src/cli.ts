import { LocalError } from "@confab/local";
import { cluster, clusterDown } from "./cluster.ts";
import { deploy } from "./deploy.ts";

const usage = `Confab on Kubernetes, for development.

  make cluster        create a kind cluster with an ingress controller, KEDA, Prometheus and Grafana;
                      with KUBECONFIG set, inspect that cluster instead
  make deploy         build the image, load it into the cluster, install or upgrade the chart, and wait
  make cluster-down   remove the kind cluster, its registry and all data in it

Environment variables:
  KUBECONFIG    use this cluster instead of creating one
  IMAGE         name of the image (default: confab:<version in package.json>)
  CONFAB_LOAD   shell command that loads $IMAGE into the cluster of KUBECONFIG (default: the nodes pull it)
  NAMESPACE     namespace for Confab (default: confab)
  RELEASE       name of the release (default: confab)
  VALUES        file of values, in addition to k8s-dev/cluster/values/confab.yaml
  TIMEOUT       maximum duration of the installation (default: 15m)
  BUILD=off     use an existing image

make deploy also uses the variables that k8s-dev/images/build.sh --help lists.`;

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
  else throw new LocalError(`There is no command ${command}: use ${Object.keys(commands).join(", ")} or --help.`);
} catch (error) {
  if (!(error instanceof LocalError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
