import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { IScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1";
import { expect } from "chai";
import type { IService } from "kubernetes-models/v1";
import { release } from "./src/helm.ts";
import { ofKind } from "./src/manifests.ts";
import { repositoryFolder } from "./src/paths.ts";
import { renderWith } from "./src/scenarios.ts";

async function keda(...sets: string[]) {
  const manifests = await renderWith(...["worker.keda.enabled=true", ...sets].flatMap((set) => ["--set", set]));
  const [scaled] = ofKind<IScaledObject>(manifests, "ScaledObject");
  return { manifests, triggers: scaled!.spec.triggers };
}

describe("KEDA's triggers", () => {
  it("are the depth of the queue in messages, and its age, in every number of partitions", async () => {
    for (const partitions of [1, 6]) {
      const { triggers } = await keda(`config.partitions=${partitions}`);
      expect(triggers.map(({ type, metadata }) => [type, metadata.valueLocation, metadata.targetValue])).to.deep.equal([
        ["metrics-api", "confab_messages_pending", "100000"],
        ["metrics-api", "confab_pending_oldest_age_seconds", "10"],
      ]);
    }
  });

  it("are gauges without labels that every ingest exports with the same value", async () => {
    const reference = readFileSync(join(repositoryFolder, "docs/reference/metrics.md"), "utf8");
    for (const { metadata } of (await keda()).triggers) {
      const row = reference.split("\n").find((line) => line.startsWith(`| \`${String(metadata.valueLocation)}\` |`));
      const [, , type, labels, services] = row?.split("|").map((cell) => cell.trim()) ?? [];
      expect(type).to.match(/^gauge\b.*\*\*shared\*\*/);
      expect(labels).to.equal("none");
      expect(services).to.match(/\bingest\b/);
    }
  });

  it("are read from the Service with ingest's admin port, whatever the type of the Service for clients", async () => {
    for (const type of ["ClusterIP", "NodePort"]) {
      const { manifests, triggers } = await keda(`ingest.service.type=${type}`);
      for (const { metadata } of triggers) {
        const { hostname, port, pathname } = new URL(String(metadata.url));
        const [name, namespace] = hostname.split(".");
        expect([namespace, pathname]).to.deep.equal([release.namespace, "/metrics"]);
        const service = ofKind<IService>(manifests, "Service").find((candidate) => candidate.metadata.name === name);
        expect(service?.spec?.ports?.find((open) => String(open.port) === port)?.name).to.equal("admin");
      }
    }
  });

  it("can leave out the age", async () => {
    const { triggers } = await keda("worker.keda.oldestSeconds=0", "worker.keda.pendingMessages=5000");
    expect(triggers.map(({ metadata }) => metadata.targetValue)).to.deep.equal(["5000"]);
  });
});
