import type { IContainer, IPodSpec } from "kubernetes-models/v1";
import { nameOf, type Manifest } from "./manifests.ts";

/** An object that creates pods: a Deployment, a StatefulSet, a Job, a CronJob, or a Pod itself. */
export interface Workload {
  readonly name: string;
  readonly kind: string;
  readonly component: string;
  readonly manifest: Manifest;
  readonly replicas: number | undefined;
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly podLabels: Readonly<Record<string, string>>;
  readonly podAnnotations: Readonly<Record<string, string>>;
  readonly pod: IPodSpec;
  readonly containers: readonly IContainer[];
  readonly initContainers: readonly IContainer[];
}

interface WithTemplate {
  readonly replicas?: number;
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly template: { readonly metadata?: Manifest["metadata"]; readonly spec: IPodSpec };
}

const templated = new Set(["Deployment", "StatefulSet", "DaemonSet", "Job"]);

/** Returns the workloads among the rendered objects. */
export function workloadsOf(manifests: readonly Manifest[]): Workload[] {
  return manifests.flatMap((manifest) => {
    if (templated.has(manifest.kind))
      return [toWorkload(manifest, (manifest as Manifest & { spec: WithTemplate }).spec)];
    if (manifest.kind === "CronJob") {
      const { spec } = manifest as Manifest & { spec: { jobTemplate: { spec: WithTemplate } } };
      return [toWorkload(manifest, spec.jobTemplate.spec)];
    }
    if (manifest.kind !== "Pod") return [];
    const { spec } = manifest as Manifest & { spec: IPodSpec };
    return [toWorkload(manifest, { template: { metadata: manifest.metadata, spec } })];
  });
}

function toWorkload(manifest: Manifest, { replicas, selector, template }: WithTemplate): Workload {
  return {
    name: nameOf(manifest),
    kind: manifest.kind,
    component: manifest.metadata.labels?.["app.kubernetes.io/component"] ?? "",
    manifest,
    replicas,
    selector: selector?.matchLabels,
    podLabels: template.metadata?.labels ?? {},
    podAnnotations: template.metadata?.annotations ?? {},
    pod: template.spec,
    containers: template.spec.containers,
    initContainers: template.spec.initContainers ?? [],
  };
}

/** Returns whether a workload keeps running, unlike a Job or the pod of the smoke test. */
export function isServing({ kind }: Workload): boolean {
  return kind === "Deployment" || kind === "StatefulSet";
}

export function allContainers({ containers, initContainers }: Workload): readonly IContainer[] {
  return [...initContainers, ...containers];
}

/** Returns whether a pod with these labels has every label of the selector. */
export function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
