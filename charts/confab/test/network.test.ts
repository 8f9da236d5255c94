import type { IHTTPRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1";
import type { IPodMonitor, IServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import { expect } from "chai";
import type { IIngress, INetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import type { IService } from "kubernetes-models/v1";
import { expectNothingFound, findings } from "./src/findings.ts";
import { nameOf, ofKind, type Manifest } from "./src/manifests.ts";
import { render, scenarios } from "./src/scenarios.ts";
import { selects, workloadsOf } from "./src/workloads.ts";

interface Backend {
  readonly from: string;
  readonly path: string;
  readonly service: string;
  readonly port: string | number | undefined;
}

describe("a Service", () => {
  it("leads to ports of the pods of one workload", () =>
    expectNothingFound((manifests) =>
      servicesOf(manifests).flatMap((service) => {
        const { selector = {}, ports = [] } = service.spec ?? {};
        const chosen = workloadsOf(manifests).filter(({ podLabels }) => selects(selector, podLabels));
        const open = chosen.flatMap(({ containers }) => containers.flatMap((container) => container.ports ?? []));
        return [
          ...findings([chosen.length !== 1, `${nameOf(service)} selects ${chosen.length} workloads`]),
          ...ports
            .filter(({ port, targetPort = port }) =>
              open.every(({ name, containerPort }) => targetPort !== name && targetPort !== containerPort),
            )
            .map(({ targetPort }) => `${nameOf(service)} leads to ${targetPort ?? ""}, which is no port of its pods`),
        ];
      }),
    ));
});

describe("an Ingress or HTTPRoute", () => {
  it("leads to http ports of existing Services, never to an admin port", () =>
    expectNothingFound((manifests) =>
      backendsOf(manifests).flatMap(({ from, service, port }) => {
        const chosen = servicesOf(manifests).find(({ metadata }) => metadata.name === service);
        const open = chosen?.spec?.ports?.find((candidate) => candidate.port === port || candidate.name === port);
        return findings(
          [chosen === undefined, `${from} leads to the Service ${service}, which does not exist`],
          [
            chosen !== undefined && open?.name !== "http",
            `${from} leads to ${service}'s port ${open?.name ?? port ?? ""}`,
          ],
        );
      }),
    ));

  it("sends POST /messages and /messages/batch to ingest and everything else to the api, in every form", async () => {
    const edges = await Promise.all(scenarios.map(async (scenario) => backendsOf(await render(scenario))));
    const routes = new Set(edges.flat().map(({ from, path, service }) => `${from} ${path} ${service}`));
    expect(edges.some((backends) => backends.length > 0)).to.equal(true);
    for (const route of routes) {
      expect(route).to.match(/ (\/messages(\/batch)?) \S+-ingest$| \/(applications|admin)? \S+-api$/);
    }
  });

  it("cannot be bypassed to reach an admin port: no Service that is open to the outside has one", () =>
    expectNothingFound((manifests) =>
      servicesOf(manifests)
        .filter(({ spec }) => (spec?.type ?? "ClusterIP") !== "ClusterIP")
        .filter(({ spec }) => spec?.ports?.some(({ name, targetPort }) => name !== "http" || targetPort === "admin"))
        .map((service) => `${nameOf(service)} offers more than http beyond the cluster`),
    ));
});

describe("a monitor", () => {
  it("scrapes an existing port", () =>
    expectNothingFound((manifests) => [
      ...ofKind<IServiceMonitor>(manifests, "ServiceMonitor").flatMap((monitor) => {
        const chosen = servicesOf(manifests).filter(({ metadata }) =>
          selects(monitor.spec.selector.matchLabels ?? {}, metadata.labels ?? {}),
        );
        const names = chosen.flatMap(({ spec }) => (spec?.ports ?? []).map(({ name }) => name));
        return findings([
          monitor.spec.endpoints.some(({ port }) => !names.includes(port)),
          `${nameOf(monitor)} scrapes no port of a Service`,
        ]);
      }),
      ...ofKind<IPodMonitor>(manifests, "PodMonitor").flatMap((monitor) => {
        const chosen = workloadsOf(manifests).filter(({ podLabels }) =>
          selects(monitor.spec.selector.matchLabels ?? {}, podLabels),
        );
        const names = chosen.flatMap(({ containers }) =>
          containers.flatMap(({ ports = [] }) => ports.map(({ name }) => name)),
        );
        return findings([
          (monitor.spec.podMetricsEndpoints ?? []).some(({ port }) => !names.includes(port)),
          `${nameOf(monitor)} scrapes no port of a pod`,
        ]);
      }),
    ]));
});

describe("the NetworkPolicies", () => {
  it("select every pod in both directions, unless they are switched off", () =>
    expectNothingFound((manifests) => {
      const policies = ofKind<INetworkPolicy>(manifests, "NetworkPolicy");
      if (policies.length === 0) return [];
      // A hook runs before the policies of the release exist.
      const lasting = workloadsOf(manifests).filter(({ manifest }) => !isHookBefore(manifest));
      return lasting.flatMap(({ name, podLabels }) => {
        const own = policies.filter(({ spec }) => selects(spec?.podSelector?.matchLabels ?? {}, podLabels));
        const types = new Set(own.flatMap(({ spec }) => spec?.policyTypes ?? []));
        return (["Ingress", "Egress"] as const)
          .filter((type) => !types.has(type))
          .map((type) => `${name} has no policy for ${type}`);
      });
    }));

  it("are on by default", async () => {
    const manifests = await render("default");
    expect(ofKind<INetworkPolicy>(manifests, "NetworkPolicy")).to.not.be.empty;
  });

  it("open only ports of the pods that they select", () =>
    expectNothingFound((manifests) =>
      ofKind<INetworkPolicy>(manifests, "NetworkPolicy").flatMap((policy) => {
        const chosen = workloadsOf(manifests).filter(({ podLabels }) =>
          selects(policy.spec?.podSelector?.matchLabels ?? {}, podLabels),
        );
        const open = chosen.flatMap(({ containers }) => containers.flatMap(({ ports = [] }) => ports));
        return (policy.spec?.ingress ?? [])
          .flatMap(({ ports = [] }) => ports)
          .filter(({ port }) => open.every(({ name, containerPort }) => port !== name && port !== containerPort))
          .map(({ port }) => `${nameOf(policy)} opens ${port ?? ""}, which is no port of its pods`);
      }),
    ));
});

function isHookBefore({ metadata }: Manifest): boolean {
  return metadata.annotations?.["helm.sh/hook"]?.includes("pre-install") ?? false;
}

function servicesOf(manifests: readonly Manifest[]) {
  return ofKind<IService>(manifests, "Service");
}

function backendsOf(manifests: readonly Manifest[]): Backend[] {
  const ingresses = ofKind<IIngress>(manifests, "Ingress").flatMap((ingress) =>
    (ingress.spec?.rules ?? []).flatMap(({ http }) =>
      (http?.paths ?? []).map(({ path = "", backend }) => ({
        from: nameOf(ingress),
        path,
        service: backend.service?.name ?? "",
        port: backend.service?.port?.name ?? backend.service?.port?.number,
      })),
    ),
  );
  const routes = ofKind<IHTTPRoute>(manifests, "HTTPRoute").flatMap((route) =>
    (route.spec.rules ?? []).flatMap(({ matches = [{}], backendRefs = [] }) =>
      matches.flatMap(({ path }) =>
        backendRefs.map(({ name, port }) => ({ from: nameOf(route), path: path?.value ?? "/", service: name, port })),
      ),
    ),
  );
  return [...ingresses, ...routes];
}
