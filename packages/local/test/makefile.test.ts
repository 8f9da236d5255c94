import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { run } from "../src/run.ts";

const root = join(import.meta.dirname, "../../..");

describe("the Makefile", () => {
  const makefile = readFileSync(join(root, "Makefile"), "utf8");

  it("lists every target with what it does", async () => {
    const targets = /^\.PHONY: (.*)$/m.exec(makefile)?.[1]?.split(" ");
    const { stdout } = await run("make", ["-C", root, "--no-print-directory"]);
    expect([...stdout.matchAll(/^ {2}make (\S+) +\S/gm)].map(([, name]) => name)).to.have.members(targets ?? []);
  });

  it("asks for KUBECONFIG at once where a target needs it", async () => {
    const { code, stderr, stdout } = await run("make", ["-C", root, "e2e"], {
      env: { KUBECONFIG: "" },
      timeoutMs: 5000,
    });
    expect(code).to.not.equal(0);
    expect(stderr).to.include("Set KUBECONFIG to the file of a cluster");
    expect(stdout).to.not.include("passing");
  });
});
