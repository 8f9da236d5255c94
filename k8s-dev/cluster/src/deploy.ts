import { helm, kubectl, orFail } from "./commands.ts";
import { inspect, type Findings } from "./inspect.ts";
import { run } from "./run.ts";
import { isGiven, kindName, paths, readImage, type Environment } from "./settings.ts";

type Report = (line: string) => void;

/** Builds the image, loads it into the cluster, installs or upgrades the chart, and waits until everything is ready. */
export async function deploy(env: Environment, options: { readonly build: boolean }, report: Report): Promise<void> {
  const found = await inspect(env);
  const image = readImage(env);
  if (options.build) {
    orFail(await run("sh", [paths.build], { env: { ...env, IMAGE: image.name }, show: true }), "Building the image");
  }
  await load(env, image.name, report);
  const namespace = env.NAMESPACE ?? "confab";
  orFail(await kubectl(env, ["apply", "-f", "-"], namespaceManifest(namespace)), `Creating the namespace ${namespace}`);
  report(`installing Confab into the namespace ${namespace}`);
  const chosen = (env.VALUES ?? "") === "" ? [] : ["--values", env.VALUES!];
  const args = [
    "upgrade",
    "--install",
    env.RELEASE ?? "confab",
    paths.chart,
    "--namespace",
    namespace,
    "--values",
    paths.valuesOf("confab"),
    ...publicUrlOf(env),
    ...withoutAddons(found),
    ...chosen,
    "--set",
    `image.repository=${image.repository}`,
    "--set-string",
    `image.tag=${image.tag}`,
    "--wait",
    "--wait-for-jobs",
    "--timeout",
    env.TIMEOUT ?? "15m",
  ];
  orFail(await helm(env, args, true), "helm upgrade --install");
}

/**
 * Returns the options that set the public URL of the kind cluster. Returns none for any other cluster, whose URL is
 * unknown.
 */
export function publicUrlOf(env: Environment): string[] {
  return isGiven(env) ? [] : ["--set", "config.publicUrl=http://localhost:8088"];
}

/** Returns the options that switch off the features whose addon the cluster lacks. */
function withoutAddons({ ingress, keda }: Findings): string[] {
  return [
    ...(ingress ? [] : ["--set", "ingress.enabled=false"]),
    ...(keda ? [] : ["--set", "worker.keda.enabled=false"]),
  ];
}

async function load(env: Environment, image: string, report: Report): Promise<void> {
  const command = env.CONFAB_LOAD ?? "";
  if (command !== "") {
    report(`loading ${image} into the cluster: ${command}`);
    orFail(await run("sh", ["-c", command], { env: { ...env, IMAGE: image }, show: true }), "CONFAB_LOAD");
  } else if (isGiven(env)) {
    report(`CONFAB_LOAD is not set, so the nodes of the cluster must have ${image} or be able to pull it`);
  } else {
    report(`loading ${image} into the cluster`);
    orFail(await run("kind", ["load", "docker-image", image, "--name", kindName]), "kind load docker-image");
  }
}

function namespaceManifest(name: string): string {
  const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
  return JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
}
