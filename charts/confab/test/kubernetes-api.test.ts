import { expect } from "chai";
import type { Manifest } from "./src/manifests.ts";
import { render, scenarios } from "./src/scenarios.ts";
import { schemaProblems } from "./src/schema-problems.ts";
import { unknownFields } from "./src/unknown-fields.ts";

describe("what the chart renders", () => {
  it("is what the API server's schemas and the CRDs ask for, in every scenario", async () => {
    const problems = await Promise.all(
      scenarios.map(async (scenario) =>
        (await schemaProblems(await render(scenario))).map((problem) => `${scenario}: ${problem}`),
      ),
    );
    expect(problems.flat()).to.deep.equal([]);
  });

  it("has no field that its kind does not know, in any scenario", async () => {
    const manifests = (await Promise.all(scenarios.map(render))).flat();
    expect(unknownFields(manifests)).to.deep.equal([]);
  });

  it("would be caught with a mistyped field, a wrong value or an unknown kind", async () => {
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
  });
});
