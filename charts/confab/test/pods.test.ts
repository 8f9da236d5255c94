import type { IContainer } from "kubernetes-models/v1";
import { expectNothingFound, findings } from "./src/findings.ts";
import type { Manifest } from "./src/manifests.ts";
import { restrictedProblems } from "./src/restricted.ts";
import { allContainers, isServing, workloadsOf, type Workload } from "./src/workloads.ts";

describe("every pod", () => {
  it("satisfies the restricted Pod Security Standard, and has a user id", () =>
    expectNothingFound(
      ofPods(({ pod }) => [
        ...restrictedProblems(pod),
        ...findings([!((pod.securityContext?.runAsUser ?? 0) > 0), "has no user id"]),
      ]),
    ));

  it("has a read-only root file system", () =>
    expectNothingFound(
      ofContainers((_workload, { securityContext }) =>
        findings([securityContext?.readOnlyRootFilesystem !== true, "can write to its root filesystem"]),
      ),
    ));

  it("gives a volume to its group once, not at every start", () =>
    expectNothingFound(
      ofPods(({ pod, manifest }) =>
        findings([
          hasVolume(pod, manifest) && pod.securityContext?.fsGroupChangePolicy !== "OnRootMismatch",
          "waits for every file of its volume at every start",
        ]),
      ),
    ));

  it("has neither a token of the Kubernetes API nor the variables of other Services", () =>
    expectNothingFound(
      ofPods(({ pod }) =>
        findings(
          [pod.automountServiceAccountToken !== false, "mounts a token"],
          [pod.enableServiceLinks !== false, "has enableServiceLinks"],
        ),
      ),
    ));

  it("has CPU and memory requests and a memory limit", () =>
    expectNothingFound(
      ofContainers((_workload, { resources = {} }) =>
        findings(
          [resources.requests?.cpu === undefined, "requests no CPU"],
          [resources.requests?.memory === undefined, "requests no memory"],
          [resources.limits?.memory === undefined, "has no memory limit"],
        ),
      ),
    ));

  it("gives Node three quarters of the memory limit", () =>
    expectNothingFound(
      ofContainers((_workload, { image = "", env = [], resources = {} }) => {
        const [, size] =
          /--max-old-space-size=(\d+)/.exec(env.find(({ name }) => name === "NODE_OPTIONS")?.value ?? "") ?? [];
        const [, limit = "", unit] = /^(\d+)([MG]i)$/.exec(String(resources.limits?.memory)) ?? [];
        const mebibytes = Number(limit) * (unit === "Gi" ? 1024 : 1);
        return findings([
          /\bconfab[:@]/.test(image) && Number(size) !== Math.floor(mebibytes * 0.75),
          `has a heap of ${size ?? "no"} MiB in ${mebibytes} MiB`,
        ]);
      }),
    ));

  it("of api and worker waits for the schema; one of ingest also starts while MySQL is unavailable", () =>
    expectNothingFound(
      ofContainers(({ name }, container) => {
        if (container.name !== "wait-for-schema") return [];
        const starts = container.args?.includes("--unless-unavailable") === true;
        return findings([starts !== name.endsWith("-ingest"), `waits ${starts ? "not " : ""}for MySQL`]);
      }),
    ));

  it("runs pinned images", () =>
    expectNothingFound(
      ofContainers((_workload, { image = "", imagePullPolicy }) =>
        findings(
          [!/(:[\w][\w.-]*|@sha256:[0-9a-f]{64})$/.test(image), `has no tag or digest: ${image}`],
          [image.endsWith(":latest"), `runs ${image}`],
          [imagePullPolicy === undefined, "has no pull policy"],
        ),
      ),
    ));

  it("has no duplicate environment variables or mounts, and a volume for each mount", () =>
    expectNothingFound(
      ofContainers(({ pod, manifest }, { env = [], volumeMounts = [] }) => {
        const claims = (manifest as { spec?: { volumeClaimTemplates?: Manifest[] } }).spec?.volumeClaimTemplates ?? [];
        const volumes = [
          ...(pod.volumes ?? []).map(({ name }) => name),
          ...claims.map(({ metadata }) => metadata.name),
        ];
        return [
          ...repeated(env.map(({ name }) => name)).map((name) => `has ${name} twice`),
          ...repeated(volumeMounts.map(({ mountPath }) => mountPath)).map((path) => `mounts ${path} twice`),
          ...volumeMounts
            .filter(({ name }) => !volumes.includes(name))
            .map(({ name }) => `mounts ${name}, which is no volume`),
          ...repeated(volumes).map((name) => `has the volume ${name} twice`),
        ];
      }),
    ));

  it("has no plain-text secret in its environment", () =>
    expectNothingFound(
      ofContainers((_workload, { env = [] }) =>
        env
          .filter(
            ({ name, value = "" }) =>
              /PASSWORD|SECRET|TOKEN|API_KEY/.test(name) && !name.endsWith("_FILE") && value !== "",
          )
          .map(({ name }) => `has ${name} in plain text`),
      ),
    ));
});

describe("every serving pod", () => {
  it("has different liveness and readiness probes, and a startup probe", () =>
    expectNothingFound(
      ofServing((_workload, container) => {
        const { livenessProbe: live, readinessProbe: ready, startupProbe: start } = container;
        return findings(
          [live === undefined, "has no liveness probe"],
          [ready === undefined, "has no readiness probe"],
          [start === undefined, "has no startup probe"],
          [JSON.stringify(actionOf(live)) === JSON.stringify(actionOf(ready)), "is alive when it is ready"],
        );
      }),
    ));

  it("probes its own ports", () =>
    expectNothingFound(
      ofServing((_workload, { livenessProbe, readinessProbe, startupProbe, ports = [] }) =>
        [livenessProbe, readinessProbe, startupProbe]
          .map((probe) => probe?.httpGet?.port ?? probe?.tcpSocket?.port)
          .filter((port) => port !== undefined)
          .filter((port) => !ports.some(({ name, containerPort }) => port === name || port === containerPort))
          .map((port) => `probes ${port}, which is no port of it`),
      ),
    ));

  it("has a grace period that covers its preStop sleep and its shutdown", () =>
    expectNothingFound(
      ofServing(({ pod }, { env = [], lifecycle }) => {
        const shutdown = Number(
          /^(\d+)s$/.exec(env.find(({ name }) => name === "SHUTDOWN_TIMEOUT")?.value ?? "0s")?.[1],
        );
        const sleep = lifecycle?.preStop?.sleep?.seconds ?? 0;
        const grace = pod.terminationGracePeriodSeconds ?? 30;
        return findings([
          !(grace >= shutdown + sleep),
          `has ${grace} s to end, and sleeps ${sleep} s and stops in ${shutdown} s`,
        ]);
      }),
    ));
});

function hasVolume({ volumes = [] }: Workload["pod"], manifest: Manifest): boolean {
  const { spec } = manifest as { spec?: { volumeClaimTemplates?: unknown[] } };
  return spec?.volumeClaimTemplates !== undefined || volumes.some(({ persistentVolumeClaim: claim }) => claim);
}

type PodCheck = (workload: Workload) => readonly string[];
type ContainerCheck = (workload: Workload, container: IContainer) => readonly string[];

function ofPods(check: PodCheck) {
  return (manifests: readonly Manifest[]) =>
    workloadsOf(manifests).flatMap((workload) => check(workload).map((finding) => `${workload.name} ${finding}`));
}

function ofContainers(check: ContainerCheck) {
  return ofPods((workload) =>
    allContainers(workload).flatMap((container) => named(container, check(workload, container))),
  );
}

/**
 * Applies a check to the first container of each Deployment and StatefulSet. The others are exporters or additional
 * containers.
 */
function ofServing(check: ContainerCheck) {
  return ofPods((workload) => {
    const container = workload.containers[0]!;
    return isServing(workload) ? named(container, check(workload, container)) : [];
  });
}

function named({ name }: IContainer, texts: readonly string[]): string[] {
  return texts.map((text) => `container ${name} ${text}`);
}

function actionOf(probe: IContainer["livenessProbe"]): unknown {
  return probe?.httpGet ?? probe?.tcpSocket ?? probe?.exec;
}

function repeated(names: readonly string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) !== index);
}
