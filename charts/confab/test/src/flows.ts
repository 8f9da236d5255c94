import type { INetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { release } from "./helm.ts";
import { ofKind, type Manifest } from "./manifests.ts";
import { workloadsOf, type Workload } from "./workloads.ts";

/** One end of a connection: a pod in a namespace, or an address outside the cluster. */
export type End =
  | { readonly namespace: string; readonly labels: Readonly<Record<string, string>>; readonly ports?: Ports }
  | { readonly address: string };
/** Container ports by name. Policies may refer to the names. */
type Ports = Readonly<Record<string, number>>;

type Rule = NonNullable<NonNullable<INetworkPolicy["spec"]>["ingress"]>[number];
type Peer = NonNullable<Rule["from"]>[number];
type Port = NonNullable<Rule["ports"]>[number];
interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** Namespace of the release under test. */
const ownNamespace = release.namespace;

/** Returns whether the policies at both ends allow a connection. */
export function isAllowed(manifests: readonly Manifest[], from: End, to: End, port: number, protocol = "TCP"): boolean {
  const policies = ofKind<INetworkPolicy>(manifests, "NetworkPolicy");
  const ports = "ports" in to ? (to.ports ?? {}) : {};
  const opens = (rule: { ports?: readonly Port[] }): boolean =>
    rule.ports === undefined ||
    rule.ports.some((open) => {
      const number = typeof open.port === "string" ? ports[open.port] : open.port;
      return (open.protocol ?? "TCP") === protocol && (open.port === undefined || number === port);
    });
  const side = (end: End, other: End, type: "Ingress" | "Egress"): boolean => {
    if ("address" in end) return true;
    const own = policies.filter(
      ({ metadata, spec }) =>
        (metadata.namespace ?? ownNamespace) === end.namespace &&
        (spec?.policyTypes ?? ["Ingress"]).includes(type) &&
        matches(spec?.podSelector as Selector, end.labels),
    );
    return (
      own.length === 0 ||
      own.some(({ spec }) =>
        type === "Ingress"
          ? (spec?.ingress ?? []).some((rule) => opens(rule) && includes(rule.from, other))
          : (spec?.egress ?? []).some((rule) => opens(rule) && includes(rule.to, other)),
      )
    );
  };
  return side(from, to, "Egress") && side(to, from, "Ingress");
}

/** Returns whether the peers include one end of a connection. A missing or empty list includes every end. */
function includes(peers: readonly Peer[] | undefined, end: End): boolean {
  if (peers === undefined || peers.length === 0) return true;
  return peers.some(({ ipBlock, namespaceSelector, podSelector }) => {
    if (ipBlock !== undefined) return "address" in end && isWithin(end.address, ipBlock.cidr);
    if ("address" in end) return false;
    const isNamespace =
      namespaceSelector === undefined
        ? end.namespace === ownNamespace
        : matches(namespaceSelector, { "kubernetes.io/metadata.name": end.namespace });
    return isNamespace && (podSelector === undefined || matches(podSelector, end.labels));
  });
}

function matches(
  { matchLabels = {}, matchExpressions = [] }: Selector,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      switch (operator) {
        case "In":
          return key in labels && values.includes(labels[key]!);
        case "NotIn":
          return !(key in labels) || !values.includes(labels[key]!);
        case "Exists":
          return key in labels;
        case "DoesNotExist":
          return !(key in labels);
        default:
          throw new Error(`Labels are not selected by ${operator}`);
      }
    })
  );
}

function isWithin(address: string, cidr: string): boolean {
  const [network = "", bits = "32"] = cidr.split("/");
  const shift = 2 ** (32 - Number(bits));
  return Math.floor(numberOf(address) / shift) === Math.floor(numberOf(network) / shift);
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** Returns a workload's pods as one end of a connection. */
export function podsOf({ podLabels, containers }: Workload): End {
  const named = containers.flatMap(({ ports = [] }) => ports.map(({ name, containerPort }) => [name, containerPort]));
  return { namespace: ownNamespace, labels: podLabels, ports: Object.fromEntries(named) as Ports };
}

/** Returns a function that finds the release's pods by component. It returns undefined for a component without pods. */
export function componentsOf(manifests: readonly Manifest[]): (component: string) => End | undefined {
  const ends = new Map(
    workloadsOf(manifests).map((workload) => [
      workload.podLabels["app.kubernetes.io/component"] ?? "",
      podsOf(workload),
    ]),
  );
  return (component) => ends.get(component);
}

/** Returns a pod outside the release as one end of a connection. */
export function podIn(namespace: string, labels: Readonly<Record<string, string>> = { app: "other" }): End {
  return { namespace, labels };
}
