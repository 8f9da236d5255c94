import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { parseAllDocuments } from "yaml";
import { run } from "../src/run.ts";
import { kindName, paths } from "../src/settings.ts";
import { findTool } from "../src/tools.ts";

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const tiltfile = join(paths.repository, "Tiltfile");
const isTiltInstalled = (await run("tilt", ["version"])).code === 0;

async function renderedChart(): Promise<readonly Rendered[]> {
  const values = ["confab", "tilt"].flatMap((name) => ["--values", paths.valuesOf(name)]);
  const { stdout, stderr, code } = await run(await findTool("helm"), ["template", "confab", paths.chart, ...values]);
  expect(code, stderr).to.equal(0);
  return parseAllDocuments(stdout).flatMap((document) => (document.toJS() as Rendered | null) ?? []);
}

describe("the Tiltfile", () => {
  it("groups objects that the chart renders", async () => {
    const named = [...readFileSync(tiltfile, "utf8").matchAll(/'(confab-[\w-]+:[a-z]+)'/g)].map(([, name]) => name);
    expect(named).to.have.length.greaterThan(0);
    const rendered = (await renderedChart()).map(({ kind, metadata }) => `${metadata.name}:${kind.toLowerCase()}`);
    expect(rendered).to.include.members(named);
  });

  if (isTiltInstalled) {
    it("gives Tilt a resource for every workload of the chart", async () => {
      const args = ["alpha", "tiltfile-result", "--context", `kind-${kindName}`, "--file", tiltfile];
      const { stdout, stderr, code } = await run("tilt", args);
      expect(code, stderr).to.equal(0);
      const { Manifests: resources } = JSON.parse(stdout) as { Manifests: readonly { Name: string }[] };
      const workloads = (await renderedChart())
        .filter(({ kind }) => ["Deployment", "StatefulSet", "Job"].includes(kind))
        .map(({ metadata }) => metadata.name.replace(/^confab-migrate-1$/, "migrate"));
      expect(resources.map(({ Name: name }) => name)).to.include.members(workloads);
    });
  }
});
