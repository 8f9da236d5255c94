import type { RunResult } from "@confab/cluster";
import { expect } from "chai";
import type { IHorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2";
import type { IPodDisruptionBudget } from "kubernetes-models/policy/v1";
import type { IScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1";
import { expectNothingFound, findings } from "./src/findings.ts";
import { nameOf, ofKind, parseManifests, type Manifest } from "./src/manifests.ts";
import { render, renderWith } from "./src/scenarios.ts";
import { withCluster } from "./src/release-on-cluster.ts";
import { selects, workloadsOf } from "./src/workloads.ts";

interface Scaler {
  readonly name: string;
  readonly target: string;
  readonly min: number;
  readonly max: number;
}

describe("a Deployment's number of pods", () => {
  it("is set by the Deployment or by one autoscaler, if the chart is rendered without a cluster", () =>
    expectNothingFound((manifests) => {
      const scalers = scalersOf(manifests);
      return workloadsOf(manifests)
        .filter(({ kind }) => kind === "Deployment")
        .flatMap(({ name, replicas }) => {
          const own = scalers.filter(({ target }) => target === name);
          return findings(
            [own.length > 1, `${name} is scaled by ${own.map((scaler) => scaler.name).join(" and ")}`],
            [own.length > 0 && replicas !== undefined, `${name} has replicas besides its scaler`],
            [own.length === 0 && replicas === undefined, `${name} has neither replicas nor a scaler`],
          );
        });
    }));

  it("is scaled within valid bounds, and the Deployment exists", () =>
    expectNothingFound((manifests) =>
      scalersOf(manifests).flatMap(({ name, target, min, max }) =>
        findings(
          [
            !manifests.some((manifest) => nameOf(manifest) === target),
            `${name} scales ${target}, which does not exist`,
          ],
          [min > max, `${name} has a minimum of ${min} and a maximum of ${max}`],
        ),
      ),
    ));

  it("is set by KEDA or the HPA, not by both", async () => {
    const kinds = async (...args: string[]) =>
      scalersOf(await renderWith(...args))
        .filter(({ target }) => target === "Deployment/confab-worker")
        .map(({ name }) => name);
    expect(await kinds("--set", "worker.keda.enabled=true")).to.deep.equal(["ScaledObject/confab-worker"]);
    expect(await kinds("--set", "worker.autoscaling.enabled=true")).to.deep.equal([
      "HorizontalPodAutoscaler/confab-worker",
    ]);
  });
});

describe("a Deployment with an autoscaler", () => {
  const autoscalers = {
    ingest: "ingest.autoscaling.enabled",
    api: "api.autoscaling.enabled",
    worker: "worker.autoscaling.enabled",
    "the worker with KEDA": "worker.keda.enabled",
  };
  for (const [what, value] of Object.entries(autoscalers)) {
    const component = value.split(".")[0]!;

    it(`keeps the running number of pods when the autoscaler is switched on: ${what}`, async () => {
      const before = await render("default");
      const kinds = [...before, ...(await renderWith("--set", `${value}=true`))];
      for (const running of [0, 1, 4]) {
        await withCluster(kinds, scaled(before, running), async (upgrade) => {
          expect(replicasOf(component, await upgrade(`${value}=true`))).to.equal(running);
          expect(replicasOf(component, await upgrade(`${value}=true`, `${component}.replicas=9`))).to.equal(running);
          expect(replicasOf(component, await upgrade(`${component}.replicas=9`))).to.equal(9);
        });
      }
    });

    it(`never sets the number in an upgrade if the installation did not, so it cannot conflict with the autoscaler: ${what}`, async () => {
      const before = await renderWith("--set", `${value}=true`);
      for (const running of [1, 4]) {
        await withCluster(before, scaled(before, running, "Apply", "nobody"), async (upgrade) => {
          expect(replicasOf(component, await upgrade(`${value}=true`))).to.equal(undefined);
          expect(replicasOf(component, await upgrade(`${value}=true`, `${component}.replicas=9`))).to.equal(undefined);
        });
      }
    });

    it(`keeps a number that Helm has set until the autoscaler changes it: ${what}`, async () => {
      const before = await renderWith("--set", `${value}=true,${component}.replicas=5`);
      await withCluster(before, scaled(before, 5, "Apply", "helm"), async (upgrade) => {
        expect(replicasOf(component, await upgrade(`${value}=true`, `${component}.replicas=9`))).to.equal(5);
      });
    });

    it(`leaves the number to the autoscaler once it has set it and Helm applies on the server: ${what}`, async () => {
      const before = await render("default");
      const kinds = [...before, ...(await renderWith("--set", `${value}=true`))];
      for (const [operation, expected] of [
        ["Apply", undefined],
        ["Update", 4],
      ] as const) {
        await withCluster(kinds, scaled(before, 4, operation), async (upgrade) => {
          expect(replicasOf(component, await upgrade(`${value}=true`)), operation).to.equal(expected);
          expect(replicasOf(component, await upgrade(`${component}.replicas=9`)), operation).to.equal(9);
        });
      }
    });

    it(`starts with the given number, or leaves it to the autoscaler, if none runs: ${what}`, async () => {
      const without = await renderWith("--set", `${value}=true`);
      expect(replicasIn(component, without)).to.equal(undefined);
      const given = await renderWith("--set", `${value}=true,${component}.replicas=5`);
      expect(replicasIn(component, given)).to.equal(5);
      await withCluster(without, [], async (install) => {
        expect(replicasOf(component, await install(`${value}=true,${component}.replicas=5`))).to.equal(5);
      });
    });
  }
});

describe("a PodDisruptionBudget", () => {
  it("selects one workload, and allows at least one eviction", () =>
    expectNothingFound((manifests) => {
      const scalers = scalersOf(manifests);
      return ofKind<IPodDisruptionBudget>(manifests, "PodDisruptionBudget").flatMap((budget) => {
        const chosen = workloadsOf(manifests).filter(
          ({ kind, podLabels }) => kind !== "Pod" && selects(budget.spec?.selector?.matchLabels ?? {}, podLabels),
        );
        const { minAvailable, maxUnavailable } = budget.spec ?? {};
        return findings(
          [chosen.length !== 1, `${nameOf(budget)} selects ${chosen.length} workloads`],
          [maxUnavailable === 0 || maxUnavailable === "0%", `${nameOf(budget)} forbids every eviction`],
          ...chosen.map(({ name, replicas }) => {
            const least = replicas ?? scalers.find(({ target }) => target === name)?.min ?? 1;
            return [
              typeof minAvailable === "number" && minAvailable >= least,
              `${nameOf(budget)} wants ${minAvailable ?? ""} of ${least} pods`,
            ] as const;
          }),
        );
      });
    }));
});

/**
 * Returns the manifests as they are in the cluster. If `operation` is set, Helm created them with that operation, and
 * `owner` has set the number of replicas since then.
 */
function scaled(
  manifests: readonly Manifest[],
  replicas: number,
  operation?: "Apply" | "Update",
  owner: "helm" | "autoscaler" | "nobody" = "autoscaler",
): Manifest[] {
  const ownNumber = { fieldsV1: { "f:spec": { "f:replicas": {} } } };
  const others = { fieldsV1: { "f:spec": { "f:strategy": {} } } };
  const managedFields = [
    { manager: "helm", operation, ...(owner === "helm" ? ownNumber : others) },
    ...(owner === "autoscaler"
      ? [{ manager: "controller-manager", operation: "Update", subresource: "scale", ...ownNumber }]
      : []),
  ];
  return manifests.map((manifest) =>
    manifest.kind === "Deployment"
      ? ({
          ...manifest,
          metadata: { ...manifest.metadata, ...(operation && { managedFields }) },
          spec: { ...(manifest as Manifest & { spec: object }).spec, replicas },
        } as Manifest)
      : manifest,
  );
}

function replicasIn(component: string, manifests: readonly Manifest[]): number | undefined {
  return workloadsOf(manifests).find((workload) => workload.name === `Deployment/confab-${component}`)!.replicas;
}

function replicasOf(component: string, { stdout, stderr }: RunResult): number | undefined {
  expect(stderr).to.equal("");
  return replicasIn(component, parseManifests(stdout));
}

function scalersOf(manifests: readonly Manifest[]): Scaler[] {
  return [
    ...ofKind<IHorizontalPodAutoscaler>(manifests, "HorizontalPodAutoscaler").map((hpa) => ({
      name: nameOf(hpa),
      target: `${hpa.spec.scaleTargetRef.kind}/${hpa.spec.scaleTargetRef.name}`,
      min: hpa.spec.minReplicas ?? 1,
      max: hpa.spec.maxReplicas,
    })),
    ...ofKind<IScaledObject>(manifests, "ScaledObject").map((scaled) => ({
      name: nameOf(scaled),
      target: `${scaled.spec.scaleTargetRef.kind ?? "Deployment"}/${scaled.spec.scaleTargetRef.name}`,
      min: scaled.spec.minReplicaCount ?? 0,
      max: scaled.spec.maxReplicaCount ?? 100,
    })),
  ];
}
