import { expect } from "chai";
import { describeAutoscaling } from "./autoscaling.ts";
import { describeEdge } from "./edge.ts";
import { describeOutages } from "./outages.ts";
import { openRelease, type Release } from "./release.ts";
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

  it("is ready after one helm install in an empty namespace, under restricted Pod Security", async () => {
    const began = performance.now();
    await release.upgrade();
    report(`ready after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  });

  it("passes helm test", async () => {
    const said = await release.helm("test", "confab", "--logs", "--timeout", "3m");
    expect(said).to.match(/Phase:\s+Succeeded/);
  });

  describeEdge(installed);
  describeRollouts(installed);
  describeOutages(installed);
  describeAutoscaling(installed);

  it("keeps its data when it is removed and installed again", async () => {
    const token = await release.createApplication("kept");
    await release.helm("uninstall", "confab", "--wait");
    await release.upgrade();
    expect((await release.client.send("GET", `/applications/${token}`)).status).to.equal(200);
  });
});
