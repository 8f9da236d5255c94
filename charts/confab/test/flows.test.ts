import { expect } from "chai";
import type { INetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { componentsOf, isAllowed, podIn, type End } from "./src/flows.ts";
import { release } from "./src/helm.ts";
import { nameOf, ofKind, type Manifest } from "./src/manifests.ts";
import { render, renderWith, scenarios, valuesFile } from "./src/scenarios.ts";

interface Flow {
  readonly what: string;
  readonly from: End | undefined;
  readonly to: End | undefined;
  readonly port: number;
  readonly protocol?: string;
}

const outside: End = { address: "192.0.2.7" };
const dns: End = podIn("kube-system", { "k8s-app": "kube-dns" });
const services = ["ingest", "api", "worker"] as const;
const adminPorts = { ingest: 9081, api: 9082, worker: 9083 };
const httpPorts = { ingest: 8081, api: 8082 };
const stores = { mysql: 3306, redis: 6379, elasticsearch: 9200 };
/** Namespace of the ingress controller or gateway, by scenario. */
const edges: Readonly<Record<string, string>> = { "gateway-api": "gateways", traefik: "traefik" };
/** Ports of external stores, by scenario. */
const externalPorts: Readonly<Record<string, Partial<Record<keyof typeof stores, readonly number[]>>>> = {
  eck: { elasticsearch: [9200] },
  "external-stores": { mysql: [3306], redis: [6380], elasticsearch: [9200, 9201] },
  "mysql-operator": { mysql: [3306, 6446] },
  "redis-cluster": { redis: [6379, 6380] },
  "redis-sentinel": { redis: [6379, 26_379, 26_380] },
};
const scaledByKeda = ["external-stores", "keda", "production", "redis-cluster", "redis-sentinel"];
const otlp: Readonly<Record<string, Flow["to"]>> = {
  "external-stores": { address: "203.0.113.9" },
  hardened: podIn("monitoring"),
};

const flow = (what: string, from: End | undefined, to: End | undefined, port: number, protocol?: string): Flow => ({
  what: `${what}:${port}`,
  from,
  to,
  port,
  ...(protocol !== undefined && { protocol }),
});

/** Returns the connections that Confab needs and that policies must allow. */
function required(manifests: readonly Manifest[], scenario: string): Flow[] {
  const pods = componentsOf(manifests);
  const edge = podIn(edges[scenario] ?? "ingress-nginx");
  const usedBy = { mysql: [...services, "migrations", "backup"], redis: services, elasticsearch: ["api", "worker"] };
  const used = Object.entries(usedBy) as [keyof typeof stores, readonly string[]][];
  return [
    ...used.flatMap(([store, users]) =>
      users.flatMap((user) => [
        flow(`${user} → ${store}`, pods(user), pods(store), stores[store]),
        ...(externalPorts[scenario]?.[store] ?? [])
          // In the scenario "external-stores", the migrations run as a hook, before the policies exist.
          .filter(() => user !== "migrations" || scenario !== "external-stores")
          .map((port) => flow(`${user} → external ${store}`, pods(user), outside, port)),
      ]),
    ),
    ...services.flatMap((service) => [
      flow(`${service} → DNS`, pods(service), dns, 53, "UDP"),
      flow(`${service} → DNS`, pods(service), dns, 53, "TCP"),
      flow(`${service} → node-local DNS`, pods(service), { address: "169.254.20.10" }, 53, "UDP"),
      flow(`Prometheus → ${service}`, podIn("monitoring"), pods(service), adminPorts[service]),
      ...(otlp[scenario] === undefined
        ? []
        : [flow(`${service} → OTLP`, pods(service), otlp[scenario], scenario === "hardened" ? 4318 : 443)]),
    ]),
    ...(["ingest", "api"] as const).flatMap((service) => [
      flow(`edge → ${service}`, edge, pods(service), httpPorts[service]),
      ...(scenario === "node-port"
        ? [flow(`a client → ${service}`, { address: "198.51.100.3" }, pods(service), httpPorts[service])]
        : []),
      flow(`helm test → ${service}`, pods("smoke"), pods(service), httpPorts[service]),
    ]),
    ...["smoke", "canary", "migrations", "backup"]
      .filter((job) => job !== "migrations" || scenario !== "external-stores")
      .map((job) => flow(`${job} → DNS`, pods(job), dns, 53, "UDP")),
    ...(scenario === "production"
      ? [flow("canary → the public URL", pods("canary"), outside, 443)]
      : (["ingest", "api"] as const).map((service) =>
          flow(`canary → ${service}`, pods("canary"), pods(service), httpPorts[service]),
        )),
    ...(scaledByKeda.includes(scenario)
      ? [flow("KEDA → ingest's admin port", podIn("keda"), pods("ingest"), adminPorts.ingest)]
      : []),
    ...(scenario === "hardened"
      ? [
          flow("Prometheus → mysql's exporter", podIn("monitoring"), pods("mysql"), 9104),
          flow("Prometheus → redis' exporter", podIn("monitoring"), pods("redis"), 9121),
          flow("Prometheus → elasticsearch's exporter", podIn("monitoring"), pods("elasticsearch"), 9114),
        ]
      : []),
  ];
}

/** Returns the connections that nothing needs and that policies must deny. */
function forbidden(manifests: readonly Manifest[], scenario: string): Flow[] {
  const pods = componentsOf(manifests);
  const edge = podIn(edges[scenario] ?? "ingress-nginx");
  const strangers = { edge, stranger: podIn("other"), neighbour: podIn(release.namespace), internet: outside };
  return [
    ...Object.entries(strangers).flatMap(([name, from]) => [
      ...services.map((service) => flow(`${name} → ${service}'s admin port`, from, pods(service), adminPorts[service])),
      ...Object.entries(stores).map(([store, port]) => flow(`${name} → ${store}`, from, pods(store), port)),
      ...Object.entries({ mysql: 9104, redis: 9121, elasticsearch: 9114 }).map(([store, port]) =>
        flow(`${name} → ${store}'s exporter`, from, pods(store), port),
      ),
      ...(name === "edge"
        ? []
        : (["ingest", "api"] as const).map((service) =>
            flow(`${name} → ${service}`, from, pods(service), httpPorts[service]),
          )),
    ]),
    ...(scaledByKeda.includes(scenario)
      ? []
      : [flow("KEDA → ingest's admin port", podIn("keda"), pods("ingest"), adminPorts.ingest)]),
    flow("KEDA → ingest", podIn("keda"), pods("ingest"), httpPorts.ingest),
    flow("KEDA → the api's admin port", podIn("keda"), pods("api"), adminPorts.api),
    flow("KEDA → redis", podIn("keda"), pods("redis"), stores.redis),
    flow("KEDA → mysql", podIn("keda"), pods("mysql"), stores.mysql),
    flow("canary → mysql", pods("canary"), pods("mysql"), stores.mysql),
    flow("canary → SSH outside", pods("canary"), outside, 22),
    flow("backup → redis", pods("backup"), pods("redis"), stores.redis),
    flow("backup → SSH outside", pods("backup"), outside, 22),
    flow("a stranger → backup", podIn("other"), pods("backup"), 3306),
    flow("a stranger → canary", podIn("other"), pods("canary"), 80),
    flow("Prometheus → redis", podIn("monitoring"), pods("redis"), stores.redis),
    flow("Prometheus → ingest", podIn("monitoring"), pods("ingest"), httpPorts.ingest),
    flow("ingest → elasticsearch", pods("ingest"), pods("elasticsearch"), stores.elasticsearch),
    flow("ingest → api", pods("ingest"), pods("api"), httpPorts.api),
    flow("worker → ingest's admin port", pods("worker"), pods("ingest"), adminPorts.ingest),
    flow("migrations → redis", pods("migrations"), pods("redis"), stores.redis),
    flow("helm test → the internet", pods("smoke"), outside, 443),
    // In the scenario "external-stores", the migrations run as a hook, before the policies exist.
    ...(scenario === "external-stores" ? [] : [flow("migrations → the internet", pods("migrations"), outside, 443)]),
    flow("helm test → mysql", pods("smoke"), pods("mysql"), stores.mysql),
    flow("helm test → ingest's admin port", pods("smoke"), pods("ingest"), adminPorts.ingest),
    ...Object.keys(stores).flatMap((store) => [
      flow(`${store} → the internet`, pods(store), outside, 443),
      flow(`${store} → DNS`, pods(store), dns, 53, "UDP"),
    ]),
    ...services.map((service) => flow(`${service} → the internet`, pods(service), { address: "203.0.113.9" }, 22)),
    flow("api → a stranger's DNS", pods("api"), podIn("other"), 53, "UDP"),
  ];
}

const isThere = ({ from, to }: Flow): boolean => from !== undefined && to !== undefined;
const passes = (manifests: readonly Manifest[], { from, to, port, protocol }: Flow): boolean =>
  isAllowed(manifests, from!, to!, port, protocol);
const stopped = (manifests: readonly Manifest[], scenario: string): string[] =>
  required(manifests, scenario)
    .filter((flow) => isThere(flow) && !passes(manifests, flow))
    .map(({ what }) => what);
const leaked = (manifests: readonly Manifest[], scenario: string): string[] =>
  forbidden(manifests, scenario)
    .filter((flow) => isThere(flow) && passes(manifests, flow))
    .map(({ what }) => what);
const policiesOf = (manifests: readonly Manifest[]) => ofKind<INetworkPolicy>(manifests, "NetworkPolicy");

describe("all NetworkPolicies together", () => {
  for (const scenario of scenarios) {
    it(`allow the connections that Confab needs, and no others, in ${scenario}`, async () => {
      const manifests = await render(scenario);
      expect(required(manifests, scenario).filter(isThere).length, "flows that can be tried").to.be.above(10);
      expect(stopped(manifests, scenario), "stopped").to.deep.equal([]);
      if (policiesOf(manifests).length > 0) expect(leaked(manifests, scenario), "let through").to.deep.equal([]);
    });

    it(`have no superfluous rule in ${scenario}: without any of them, a needed connection is stopped`, async () => {
      const manifests = await render(scenario);
      const idle: string[] = [];
      for (const policy of policiesOf(manifests)) {
        for (const side of ["ingress", "egress"] as const) {
          (policy.spec?.[side] ?? []).forEach((_, index) => {
            const without = structuredClone(manifests) as Manifest[];
            const same = policiesOf(without).find((candidate) => nameOf(candidate) === nameOf(policy));
            same!.spec![side]!.splice(index, 1);
            if (stopped(without, scenario).length === 0) idle.push(`${nameOf(policy)} ${side}[${index}]`);
          });
        }
      }
      expect(idle).to.deep.equal([]);
    });

    it(`have no superfluous policy in ${scenario}: without any of them, another connection is allowed`, async () => {
      const manifests = await render(scenario);
      const idle = policiesOf(manifests).filter(
        (policy) =>
          leaked(
            manifests.filter((manifest) => manifest !== (policy as Manifest)),
            scenario,
          ).length === 0,
      );
      expect(idle.map((policy) => nameOf(policy as Manifest))).to.deep.equal([]);
    });
  }

  it("allow nobody to use the admin ports and exporters if the values name no Prometheus", async () => {
    const manifests = await renderWith("--values", valuesFile("hardened"), "--set-json", "networkPolicy.monitoring=[]");
    expect(leaked(manifests, "hardened")).to.deep.equal([]);
    expect(stopped(manifests, "hardened").every((what) => what.startsWith("Prometheus → "))).to.equal(true);
    expect(stopped(manifests, "hardened")).to.have.length(6);
  });

  it("allow DNS on other ports if the values say so", async () => {
    const manifests = await renderWith("--set-json", "networkPolicy.dnsPorts=[53,8053]");
    const api = componentsOf(manifests)("api")!;
    expect(isAllowed(manifests, api, dns, 8053, "UDP")).to.equal(true);
    expect(isAllowed(manifests, api, dns, 9053, "UDP")).to.equal(false);
  });
});
