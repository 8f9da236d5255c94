import { waitListKey } from "@confab/contracts";
import type { IScaledObject, ITriggerAuthentication } from "@kubernetes-models/keda/keda.sh/v1alpha1";
import { expect } from "chai";
import { environmentOf } from "./src/container-environment.ts";
import { ofKind } from "./src/manifests.ts";
import { render, renderWith } from "./src/scenarios.ts";
import { workloadsOf } from "./src/workloads.ts";

const keda = (...sets: string[]) =>
  renderWith(...["worker.keda.enabled=true", ...sets].flatMap((set) => ["--set", set]));

describe("KEDA's triggers", () => {
  for (const [prefix, partitions] of [
    ["confab", 1],
    ["confab", 4],
    ["a-tenant.1", 3],
  ] as const) {
    it(`read the lists that BullMQ keeps, with the prefix ${prefix} in ${partitions} partitions`, async () => {
      const manifests = await keda(`config.redisKeyPrefix=${prefix}`, `config.partitions=${partitions}`);
      const [scaled] = ofKind<IScaledObject>(manifests, "ScaledObject");
      const lists = scaled!.spec.triggers.map(({ metadata }) => metadata.listName);
      const expected = Array.from({ length: partitions }, (_, partition) => waitListKey(prefix, partition, "messages"));
      expect(lists).to.deep.equal(expected);

      const worker = workloadsOf(manifests).find(({ component }) => component === "worker");
      expect(environmentOf(worker!.containers[0]!, manifests)).to.include({
        REDIS_KEY_PREFIX: prefix,
        PARTITIONS: String(partitions),
      });
    });
  }

  it("read Redis with the password that the worker has", async () => {
    const manifests = await keda();
    const [scaled] = ofKind<IScaledObject>(manifests, "ScaledObject");
    const [authentication] = ofKind<ITriggerAuthentication>(manifests, "TriggerAuthentication");
    expect(scaled!.spec.triggers[0]!.authenticationRef?.name).to.equal(authentication!.metadata.name);

    const worker = workloadsOf(manifests).find(({ component }) => component === "worker");
    const password = worker!.containers[0]!.env?.find(({ name }) => name === "REDIS_PASSWORD")?.valueFrom?.secretKeyRef;
    const given = authentication!.spec.secretTargetRef?.find(({ parameter }) => parameter === "password");
    expect({ name: given?.name, key: given?.key }).to.deep.equal({ name: password?.name, key: password?.key });
  });

  it("find the master that Sentinels name, with the Sentinels' login and the master's", async () => {
    const manifests = await render("redis-sentinel");
    const [scaled] = ofKind<IScaledObject>(manifests, "ScaledObject");
    const [trigger] = scaled!.spec.triggers;
    const worker = workloadsOf(manifests).find(({ component }) => component === "worker");
    const given = environmentOf(worker!.containers[0]!, manifests);
    expect(trigger!.type).to.equal("redis-sentinel");
    expect(trigger!.metadata).to.include({
      addresses: given.REDIS_SENTINELS,
      sentinelMaster: given.REDIS_MASTER_NAME,
      sentinelUsername: given.REDIS_SENTINEL_USERNAME,
      username: given.REDIS_USERNAME,
      enableTLS: "true",
      databaseIndex: "0",
    });
    expect(given.REDIS_SENTINELS?.split(",")).to.have.length(3);
    expect(given).to.include({ REDIS_TLS: "on" }).and.not.have.property("REDIS_URL");
    const [authentication] = ofKind<ITriggerAuthentication>(manifests, "TriggerAuthentication");
    const keys = authentication!.spec.secretTargetRef!.map(({ parameter, key }) => [parameter, key]);
    expect(Object.fromEntries(keys)).to.include({ password: "password", sentinelPassword: "sentinel-password" });
  });

  it("take the highest of what the workers export, never the sum: each exports the same figure", async () => {
    const manifests = await keda(
      "worker.keda.prometheus.enabled=true",
      "worker.keda.prometheus.serverAddress=http://prometheus:9090",
    );
    const [scaled] = ofKind<IScaledObject>(manifests, "ScaledObject");
    const queries = scaled!.spec.triggers
      .filter(({ type }) => type === "prometheus")
      .map(({ metadata }) => metadata.query);
    expect(queries).to.have.length(2);
    for (const query of queries) expect(query).to.match(/^max\(/);
  });
});
