import { findTool, run } from "@confab/cluster";
import { expect } from "chai";
import { chartFolder } from "./src/paths.ts";
import { scenarios, valuesFile } from "./src/scenarios.ts";

/** Returns the notes that `helm install` prints, without a cluster. */
async function notes(...args: string[]): Promise<string> {
  const install = ["install", "confab", chartFolder, "--namespace", "chat", "--dry-run=client", ...args];
  const { stdout, stderr, code } = await run(await findTool("helm"), install, { env: { KUBECONFIG: "/dev/null" } });
  expect(code, stderr).to.equal(0);
  return stdout.slice(stdout.indexOf("NOTES:"));
}

describe("the notes of helm install", () => {
  it("contain the commands for a first message in at most 25 lines in every scenario", async () => {
    const texts = await Promise.all(scenarios.map((scenario) => notes("--values", valuesFile(scenario))));
    for (const [index, text] of texts.entries()) {
      const scenario = scenarios[index];
      expect(text, scenario).to.match(/curl .*\/messages /);
      expect(text.trim().split("\n").length, scenario).to.be.at.most(26);
      expect(text, scenario).to.not.match(/<no value>|%!|nil/);
    }
  }).timeout(120_000);

  it("warn about a limit per client address for sending, if there is one", async () => {
    const limited = ["--set", "ingress.enabled=true,ingress.rateLimit.requestsPerSecond=10"];
    expect(await notes(...limited)).to.include("more than 10 times per second");
    expect(await notes("--set", "ingress.enabled=true")).to.not.include("times per second");
  });

  it("warn about bundled stores, if there are any", async () => {
    expect(await notes()).to.include("MySQL, Redis, Elasticsearch run in this release");
    expect(await notes("--values", valuesFile("external-stores"))).to.not.include("run in this release");
  });
});
