import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { openRelease, services, type Component, type Release } from "./release.ts";
import { report } from "./report.ts";
import { changeUnderLoad } from "./rollouts.ts";

const pods: Readonly<Record<Component, number>> = { ingest: 3, api: 2, worker: 3 };
const fixed = {
  "ingress.rateLimit.enabled": "false",
  "worker.keda.enabled": "false",
  ...Object.fromEntries(services.map((service) => [`${service}.replicas`, String(pods[service])])),
};
/** During the test, no autoscaler may remove a pod that has no work. */
const patient = { "scaleDown.stabilizationWindowSeconds": "3600" };
const autoscaled = {
  "ingress.rateLimit.enabled": "false",
  ...settings("ingest.autoscaling", { enabled: "true", minReplicas: "1", maxReplicas: "4" }),
  ...settings("api.autoscaling", { enabled: "true", minReplicas: "1", maxReplicas: "4" }),
  ...settings("worker.keda", { enabled: "true", minReplicas: "1", maxReplicas: "4" }),
  ...["ingest.autoscaling", "api.autoscaling", "worker.keda"].reduce(
    (all, scaler) => ({ ...all, ...settings(`${scaler}.behavior`, patient) }),
    {},
  ),
};

describe("Confab with a fixed number of pods, when autoscalers are switched on under load", () => {
  let release: Release;

  before(async () => {
    release = await openRelease("confab-e2e-autoscaler");
    await release.upgrade(fixed);
  });
  after(async () => {
    await release.remove();
  });

  it("fails no request and never has fewer ready pods", async () => {
    const watch = watchReadyPods(release);
    await changeUnderLoad(release, async () => {
      await release.upgrade(autoscaled);
      await pause(45_000);
    });
    await expectNoneFewer(await watch.stop());
  });

  it("keeps the number again at the next upgrade, which replaces the pods", async () => {
    const watch = watchReadyPods(release);
    await changeUnderLoad(release, async () => {
      const next = Object.fromEntries(services.map((service) => [`${service}.podAnnotations.revision`, "next"]));
      await release.upgrade({ ...autoscaled, ...next });
    });
    await expectNoneFewer(await watch.stop());
  });

  it("returns to a fixed number of pods if Helm may take it from the autoscaler", async () => {
    await release.upgrade(fixed, { flags: ["--force-conflicts"] });
    const { items } = await release.json<Deployments>("get", "deployments");
    for (const service of services) {
      const { status } = items.find(({ metadata }) => metadata.name === `confab-${service}`)!;
      expect(status.readyReplicas, service).to.equal(pods[service]);
    }
  });

  async function expectNoneFewer(fewest: Readonly<Record<Component, number>>): Promise<void> {
    report(`fewest ready pods: ${JSON.stringify(fewest)}`);
    for (const service of services) expect(fewest[service], service).to.be.at.least(pods[service]);
    const scalers = await release.json<{ items: unknown[] }>("get", "horizontalpodautoscalers");
    expect(scalers.items).to.have.length(3);
  }
});

function settings(prefix: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}.${name}`, value]));
}

interface Deployments {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: { readyReplicas?: number };
  }[];
}

/** Polls the number of ready pods until `stop`, which resolves with the lowest number for each service. */
function watchReadyPods(release: Release): { stop(): Promise<Record<Component, number>> } {
  const fewest: Record<Component, number> = { ingest: Infinity, api: Infinity, worker: Infinity };
  const stopped = new AbortController();
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      const { items } = await release.json<Deployments>("get", "deployments");
      for (const service of services) {
        const { status } = items.find(({ metadata }) => metadata.name === `confab-${service}`)!;
        fewest[service] = Math.min(fewest[service], status.readyReplicas ?? 0);
      }
      await pause(200);
    }
    return fewest;
  })();
  watching.catch(() => undefined);
  return {
    stop() {
      stopped.abort();
      return watching;
    },
  };
}
