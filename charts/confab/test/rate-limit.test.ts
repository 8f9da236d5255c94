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
  return { manifests, sending: annotations("confab-ingest"), rest: annotations("confab-api") };
}

describe("the limit on sending, per client address", () => {
  it("is 10 requests a second and 20 at once, by annotations that nginx knows, on nothing but the sending", async () => {
    const { sending, rest } = await edge();
    expect(sending).to.include({
      "nginx.ingress.kubernetes.io/limit-rps": "10",
      "nginx.ingress.kubernetes.io/limit-burst-multiplier": "2",
    });
    expect(Object.keys(rest).filter((name) => name.includes("limit"))).to.deep.equal([]);
  });

  it("is a middleware of the same figures where Traefik is the edge", async () => {
    const { manifests, sending, rest } = await edge("ingress.controller=traefik");
    const [middleware] = ofKind<Middleware>(manifests, "Middleware");
    expect(middleware!.spec.rateLimit).to.include({ average: 10, burst: 20, period: "1s" });
    const name = `${release.namespace}-${middleware!.metadata.name}@kubernetescrd`;
    expect(sending["traefik.ingress.kubernetes.io/router.middlewares"]).to.equal(name);
    expect(rest).to.not.have.property("traefik.ingress.kubernetes.io/router.middlewares");
  });

  it("can be another, or none", async () => {
    const { sending } = await edge("ingress.rateLimit.requestsPerSecond=50", "ingress.rateLimit.burst=150");
    expect(sending).to.include({
      "nginx.ingress.kubernetes.io/limit-rps": "50",
      "nginx.ingress.kubernetes.io/limit-burst-multiplier": "3",
    });
    const off = await edge("ingress.rateLimit.enabled=false");
    expect(Object.keys(off.sending).filter((name) => name.includes("limit"))).to.deep.equal([]);
  });

  it("leaves streams open and unbuffered", async () => {
    const { rest } = await edge();
    expect(rest).to.include({
      "nginx.ingress.kubernetes.io/proxy-read-timeout": "3600",
      "nginx.ingress.kubernetes.io/proxy-buffering": "off",
    });
  });
});
