import { addressLimits } from "@confab/local";
import { expect } from "chai";
import { ofKind, type Manifest } from "./src/manifests.ts";
import { release } from "./src/helm.ts";
import { renderWith } from "./src/scenarios.ts";

interface Ingress extends Manifest {
  readonly kind: "Ingress";
}

interface Middleware extends Manifest {
  readonly kind: "Middleware";
  readonly spec: { readonly rateLimit: { readonly average: number; readonly burst: number; readonly period: string } };
}

async function edge(...sets: string[]) {
  const manifests = await renderWith(...["ingress.enabled=true", ...sets].flatMap((set) => ["--set", set]));
  const annotations = (name: string) =>
    ofKind<Ingress>(manifests, "Ingress").find(({ metadata }) => metadata.name === name)?.metadata.annotations ?? {};
  const edges = {
    sending: annotations("confab-ingest"),
    admin: annotations("confab-admin"),
    rest: annotations("confab-api"),
  };
  return { manifests, ...edges };
}

interface Deployment extends Manifest {
  readonly kind: "Deployment";
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly env: object[] }[] } };
  };
}

/** The limit of nginx on one machine, for browsers that send themselves. */
const sendingLimit = "ingress.rateLimit.requestsPerSecond=10";

const nginxLimit = (rate: string, factor: string) => ({
  "nginx.ingress.kubernetes.io/limit-rps": rate,
  "nginx.ingress.kubernetes.io/limit-burst-multiplier": factor,
});

describe("every Ingress for nginx", () => {
  it("passes answers on as they come, since buffers would hold back live streams", async () => {
    const { sending, admin, rest } = await edge();
    for (const all of [sending, admin, rest]) {
      expect(all).to.include({
        "nginx.ingress.kubernetes.io/proxy-buffering": "off",
        "nginx.ingress.kubernetes.io/proxy-buffer-size": "16k",
        "nginx.ingress.kubernetes.io/proxy-read-timeout": "45",
      });
    }
  });
});

describe("the limits per client address", () => {
  it("protect admin keys and tokens from guesses, as annotations for nginx, and leave sending to the limits of applications", async () => {
    const { sending, admin, rest } = await edge();
    expect(Object.keys(sending).filter((name) => name.includes("limit"))).to.deep.equal([]);
    expect(admin).to.include(nginxLimit("5", "10"));
    expect(rest).to.include(nginxLimit("500", "2"));
  });

  it("are the same as with make up, once sending is limited", async () => {
    const { sending, admin, rest } = await edge("ingress.controller=traefik", sendingLimit).then(({ manifests }) => {
      const limits = ofKind<Middleware>(manifests, "Middleware").map(({ metadata, spec }) => [
        metadata.name,
        { requestsPerSecond: spec.rateLimit.average, burst: spec.rateLimit.burst },
      ]);
      const byName = Object.fromEntries(limits) as Record<string, unknown>;
      return { sending: byName["confab-ingest"], admin: byName["confab-admin"], rest: byName["confab-api"] };
    });
    expect(addressLimits({})).to.deep.include({ sending, admin, other: rest });
  });

  it("are middlewares for Traefik", async () => {
    const { manifests, ...ingresses } = await edge("ingress.controller=traefik", sendingLimit);
    const middlewares = ofKind<Middleware>(manifests, "Middleware");
    for (const { spec } of middlewares) expect(spec.rateLimit.period).to.equal("1s");
    const names = middlewares.map(({ metadata }) => `${release.namespace}-${metadata.name}@kubernetescrd`);
    const used = Object.values(ingresses).map((all) => all["traefik.ingress.kubernetes.io/router.middlewares"]);
    expect(used).to.have.members(names).and.to.have.lengthOf(3);
  });

  it("have no middleware for sending without a limit, and no reference to one", async () => {
    const { manifests, sending } = await edge("ingress.controller=traefik");
    const names = ofKind<Middleware>(manifests, "Middleware").map(({ metadata }) => metadata.name);
    expect(names).to.have.members(["confab-admin", "confab-api"]);
    expect(Object.keys(sending).filter((name) => name.includes("middlewares"))).to.deep.equal([]);
  });

  it("can be changed or switched off", async () => {
    const { sending } = await edge("ingress.rateLimit.requestsPerSecond=50", "ingress.rateLimit.burst=150");
    expect(sending).to.include({
      "nginx.ingress.kubernetes.io/limit-rps": "50",
      "nginx.ingress.kubernetes.io/limit-burst-multiplier": "3",
    });
    const off = await edge("ingress.rateLimit.enabled=false");
    for (const all of [off.sending, off.admin, off.rest]) {
      expect(Object.keys(all).filter((name) => name.includes("limit"))).to.deep.equal([]);
    }
  });

  it("apply to guesses of the admin key in the api and ingest, which find the address behind the Ingress", async () => {
    const manifests = await renderWith("--set", "config.trustedProxies=2");
    for (const component of ["api", "ingest"]) {
      const [container] = ofKind<Deployment>(manifests, "Deployment").find(
        ({ metadata }) => metadata.name === `confab-${component}`,
      )!.spec.template.spec.containers;
      expect(container!.env).to.deep.include({ name: "TRUSTED_PROXIES", value: "2" });
      expect(container!.env).to.deep.include({ name: "RATE_LIMITS", value: "on" });
    }
  });
});
