import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { run } from "./command.ts";

const kubeconfig = JSON.stringify({
  apiVersion: "v1",
  kind: "Config",
  clusters: [{ name: "none", cluster: { server: "http://127.0.0.1:1" } }],
  contexts: [{ name: "none", context: { cluster: "none", user: "" } }],
  "current-context": "none",
});

describe("the tests on a cluster", () => {
  it("say that the cluster does not answer, and nothing else", async () => {
    const folder = await mkdtemp(join(tmpdir(), "confab-unreachable-"));
    const env = { ...process.env, KUBECONFIG: join(folder, "config") };
    await writeFile(env.KUBECONFIG, kubeconfig);
    const mocha = join(import.meta.dirname, "../../node_modules/mocha/bin/mocha.js");
    const args = [mocha, "--no-config", "--node-option", "conditions=@confab/source", "--timeout", "30000"];
    const suites = ["trouble", "upgrade"].map((name) => join(import.meta.dirname, `${name}.e2e.ts`));
    const failure = await run(process.execPath, [...args, ...suites], { env }).catch(String);
    await rm(folder, { recursive: true });
    expect(failure).to.include("The cluster of KUBECONFIG does not answer").and.include("127.0.0.1:1");
    expect(failure).to.include("1 failing").and.not.include("TypeError");
  });
});
