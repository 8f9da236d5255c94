import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { describeAutoscaling } from "./autoscaling.ts";
import { describeConversations } from "./conversations.ts";
import { describeEdge } from "./edge.ts";
import { describeScheduledJobs } from "./jobs.ts";
import { memoryOf } from "./memory.ts";
import { describeOutages } from "./outages.ts";
import { describePolicies } from "./policies.ts";
import { openRelease, restartsOf, type Release } from "./release.ts";
import { describeRollouts } from "./rollouts.ts";
import { report } from "./report.ts";

describe("Confab installed with its stores", () => {
  let release: Release;
  const installed = (): Release => release;

  before(async () => {
    release = await openRelease("confab-e2e");
  });
  after(async () => {
    await release.remove();
  });

  it("is ready after one helm install in an empty namespace with restricted Pod Security", async () => {
    const began = performance.now();
    await release.upgrade();
    const restarts = await restartsOf(release);
    report(`ready after ${((performance.now() - began) / 1000).toFixed(1)} s, restarts: ${restarts}`);
    expect(restarts).to.equal(0);
  });

  it("passes helm test", async () => {
    const output = await release.helm("test", "confab", "--logs", "--timeout", "3m");
    expect(output).to.match(/Phase:\s+Succeeded/);
  });

  it("reports its memory while idle", async () => {
    // metrics-server needs two samples of each pod, 15 seconds apart.
    for (let attempt = 0; ; attempt++) {
      const memory = await memoryOf(release).catch(() => "");
      if (memory.includes("elasticsearch") && attempt > 10) {
        report(`idle: ${memory}`);
        return;
      }
      expect(attempt, "metrics-server has no metrics").to.be.below(60);
      await pause(3_000);
    }
  });

  describeEdge(installed);
  describeConversations(installed);
  describeRollouts(installed);
  describeScheduledJobs(installed);
  describeOutages(installed);
  describeAutoscaling(installed);
  describePolicies(installed);

  it("refuses an upgrade that changes the number of partitions, and explains why", async () => {
    const refused = await release.apply({ "config.partitions": "4" }).catch((error: unknown) => error as Error);
    expect(refused).to.be.instanceOf(Error);
    expect((refused as Error).message).to.include("config.partitions is 4, but this release runs with 1");
  });

  it("keeps its data when it is uninstalled and installed again", async () => {
    const token = await release.createApplication("kept");
    await release.helm("uninstall", "confab", "--wait");
    await release.upgrade();
    expect((await release.client.send("GET", `/applications/${token}`)).status).to.equal(200);
  });
});
