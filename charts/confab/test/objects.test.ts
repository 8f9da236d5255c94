import { expect } from "chai";
import { expectNothingFound, findings } from "./src/findings.ts";
import { release } from "./src/helm.ts";
import { nameOf, type Manifest } from "./src/manifests.ts";
import { renderWith } from "./src/scenarios.ts";
import { isServing, selects, workloadsOf } from "./src/workloads.ts";

const selecting = ["app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"];
const labels = [
  ...selecting,
  "app.kubernetes.io/version",
  "app.kubernetes.io/managed-by",
  "app.kubernetes.io/part-of",
  "helm.sh/chart",
];

describe("every object", () => {
  it("has a unique name that fits into a label", () =>
    expectNothingFound((manifests) => {
      const names = manifests.map((manifest) => `${manifest.apiVersion} ${nameOf(manifest)}`);
      return [
        ...names.filter((name, index) => names.indexOf(name) !== index).map((name) => `${name} is there twice`),
        ...manifests
          .filter(({ metadata }) => metadata.name.length > 63)
          .map(({ metadata }) => `${metadata.name} is too long`),
      ];
    }));

  it("has all labels", () =>
    expectNothingFound((manifests) =>
      manifests
        .filter(isOfTheChart)
        .flatMap((manifest) =>
          labels
            .filter((label) => (manifest.metadata.labels?.[label] ?? "") === "")
            .map((label) => `${nameOf(manifest)} has no ${label}`),
        ),
    ));

  it("is in the namespace of the release", () =>
    expectNothingFound((manifests) =>
      manifests
        .filter(({ metadata }) => metadata.namespace !== undefined && metadata.namespace !== release.namespace)
        .map((manifest) => `${nameOf(manifest)} is for the namespace ${manifest.metadata.namespace ?? ""}`),
    ));
});

describe("a workload's selector", () => {
  it("consists of name, instance and component, which only its own pods have", () =>
    expectNothingFound((manifests) => {
      const workloads = workloadsOf(manifests);
      return workloads
        .filter(isServing)
        .flatMap(({ name, selector = {}, podLabels }) =>
          findings(
            [
              Object.keys(selector).toSorted().join() !== selecting.toSorted().join(),
              `${name} selects by other labels`,
            ],
            [!selects(selector, podLabels), `${name} does not select its own pods`],
            [
              workloads.some((other) => other.name !== name && selects(selector, other.podLabels)),
              `${name} selects another workload's pods`,
            ],
          ),
        );
    }));
});

describe("a Deployment", () => {
  it("is spread over nodes, each revision separately", () =>
    expectNothingFound((manifests) =>
      deployments(manifests).flatMap(({ name, pod, selector = {} }) => {
        const spread = pod.topologySpreadConstraints ?? [];
        return findings(
          [
            !spread.some(({ topologyKey }) => topologyKey === "kubernetes.io/hostname"),
            `${name} is not spread over nodes`,
          ],
          [
            spread.some(({ matchLabelKeys }) => !matchLabelKeys?.includes("pod-template-hash")),
            `${name} is spread together with its former revision`,
          ],
          [
            spread.some(({ labelSelector }) => !selects(labelSelector?.matchLabels ?? { none: "" }, selector)),
            `${name} is spread by other pods`,
          ],
        );
      }),
    ));

  it("has a progress deadline that is longer than the wait for the schema", async () => {
    for (const [wait, seconds] of [
      ["90s", 90],
      ["2h", 7200],
      ["1500ms", 2],
    ] as const) {
      const manifests = await renderWith("--set", `migrations.schemaWait=${wait}`);
      for (const { manifest } of deployments(manifests)) {
        const { spec } = manifest as Manifest & { spec: { progressDeadlineSeconds: number } };
        expect(spec.progressDeadlineSeconds, nameOf(manifest)).to.equal(seconds + 300);
      }
    }
  });

  it("or a store replaces its pods when a Secret or ConfigMap of the chart that it reads changes", () =>
    expectNothingFound((manifests) =>
      workloadsOf(manifests)
        .filter(isServing)
        .flatMap(({ name, pod, containers, initContainers, podAnnotations }) => {
          const read = referencesOf({ pod, containers, initContainers });
          const made = (kind: string) =>
            manifests.some(
              (manifest) => manifest.kind === kind && isOfTheChart(manifest) && read.has(nameOf(manifest)),
            );
          const checksum = (what: string) =>
            Object.keys(podAnnotations).some((key) => key.startsWith(`checksum/${what}`));
          return findings(
            [made("Secret") && !checksum("secret"), `${name} reads a Secret and has no checksum/secret`],
            [made("ConfigMap") && !checksum("config"), `${name} reads a ConfigMap and has no checksum/config`],
          );
        }),
    ));
});

/** Returns whether the chart itself defines the object. Objects in extraObjects do not count. */
function isOfTheChart({ metadata }: Manifest): boolean {
  return metadata.name.startsWith(release.name);
}

function deployments(manifests: readonly Manifest[]) {
  return workloadsOf(manifests).filter(({ kind }) => kind === "Deployment");
}

/** Returns every Secret and ConfigMap that a pod reads, in the form Kind/name. */
function referencesOf(value: unknown): Set<string> {
  const found = new Set<string>();
  JSON.stringify(value, (key, inner: unknown) => {
    const { name, secretName } = (inner ?? {}) as { name?: string; secretName?: string };
    if ((key === "secretKeyRef" || key === "secretRef") && name !== undefined) found.add(`Secret/${name}`);
    if (key === "secret") found.add(`Secret/${secretName ?? name ?? ""}`);
    if (["configMapKeyRef", "configMapRef", "configMap"].includes(key) && name !== undefined)
      found.add(`ConfigMap/${name}`);
    return inner;
  });
  return found;
}
