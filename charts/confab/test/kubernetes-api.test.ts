import { expect } from "chai";
import type { Manifest } from "./src/manifests.ts";
import { render, scenarios } from "./src/scenarios.ts";
import { schemaProblems } from "./src/schema-problems.ts";
import { unknownFields } from "./src/unknown-fields.ts";

// Loading the types of hundreds of kinds takes several seconds, or longer on a busy machine.
const timeoutMs = 120_000;

describe("every rendered object", () => {
  it("satisfies the schemas of the API server and the CRDs in every scenario", async () => {
    expect(await schemaProblems(await everyManifest())).to.deep.equal([]);
  }).timeout(timeoutMs);

  it("has no unknown field in any scenario", async () => {
    expect(unknownFields(await everyManifest())).to.deep.equal([]);
  }).timeout(timeoutMs);

  it("would fail with a mistyped field, a wrong value or an unknown kind", async () => {
    const deployment = (podSpec: object): Manifest & { spec: object } => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "planted" },
      spec: { selector: { matchLabels: {} }, template: { spec: { containers: [], ...podSpec } } },
    });
    const mistyped = unknownFields([
      deployment({}),
      deployment({ containers: [{ name: "a", imagePulPolicy: "Always" }] }),
    ]);
    expect(mistyped).to.have.length(1);
    expect(mistyped[0]).to.match(/^Deployment\/planted\.spec\.template\.spec\.containers\[0\]\.imagePulPolicy: /);

    const wrong = await schemaProblems([deployment({}), deployment({ terminationGracePeriodSeconds: "soon" })]);
    expect(wrong).to.have.length(1);
    expect(wrong[0]).to.include("terminationGracePeriodSeconds must be integer");

    const unknown = await schemaProblems([
      { apiVersion: "apps/v1", kind: "Deploymnet", metadata: { name: "planted" } },
    ]);
    expect(unknown).to.deep.equal(["Deploymnet/planted: no schema is known for apps/v1 Deploymnet"]);
  }).timeout(timeoutMs);
});

/** Returns the objects of all scenarios, without duplicates. */
async function everyManifest(): Promise<Manifest[]> {
  const manifests = (await Promise.all(scenarios.map(render))).flat();
  return [...new Map(manifests.map((manifest) => [JSON.stringify(manifest), manifest])).values()];
}
