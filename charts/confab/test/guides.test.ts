import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findTool, run } from "@confab/cluster";
import { commandsIn, shellBlocks } from "@confab/testkit";
import { expect } from "chai";
import type { IPodSpec } from "kubernetes-models/v1";
import type { Manifest } from "./src/manifests.ts";
import { chartFolder } from "./src/paths.ts";
import { withApiServer } from "./src/release-on-cluster.ts";
import { restrictedProblems } from "./src/restricted.ts";

const root = join(chartFolder, "../..");
const blocks = globSync("{*.md,docs/**/*.md,{charts,packages,k8s-dev}/**/*.md}", {
  cwd: root,
  exclude: ["**/node_modules"],
}).flatMap((page) => shellBlocks(readFileSync(join(root, page), "utf8")).map((script) => ({ page, script })));

const podKind: Manifest = { apiVersion: "v1", kind: "Pod", metadata: { name: "known" } };

/** Returns the pods that kubectl would create for these `kubectl run` commands. */
async function podsOf(commands: readonly string[]): Promise<IPodSpec[]> {
  const kubectl = await findTool("kubectl");
  const pods: IPodSpec[] = [];
  await withApiServer([podKind], [], async (kubeconfig) => {
    for (const command of commands) {
      // kubectl cannot attach to the pod of a dry run.
      const dry = command
        .replace(" --rm -i ", " ")
        .replace("kubectl run", `"$KUBECTL" run --dry-run=client --output=json`);
      const env = { KUBECTL: kubectl, KUBECONFIG: kubeconfig, PASSWORD: "a-password" };
      const { code, stdout, stderr } = await run("sh", ["-euc", dry], { env });
      expect(code, `${command}\n${stderr}`).to.equal(0);
      pods.push((JSON.parse(stdout) as { spec: IPodSpec }).spec);
    }
  });
  return pods;
}

describe("the commands of the guides", () => {
  it("are valid shell scripts", () => {
    expect(blocks.length).to.be.greaterThan(120);
    const invalid = blocks.flatMap(({ page, script }) => {
      const { status, stderr } = spawnSync("bash", ["-n"], { input: script, encoding: "utf8" });
      return status === 0 ? [] : [`${page}: ${stderr}${script}`];
    });
    expect(invalid).to.deep.equal([]);
  });

  it("create pods that a namespace with restricted Pod Security accepts", async () => {
    const commands = blocks.flatMap(({ script }) => commandsIn(script, "kubectl run"));
    expect(commands).to.have.length.greaterThan(1);
    const pods = await podsOf(commands);
    expect(pods.map(restrictedProblems)).to.deep.equal(pods.map(() => []));
  });

  it("would be found if they were not", () => {
    const page = "- A step:\n\n  ```sh\n  one 'a\n  b' | two\n  ```\n\n```console\n$ three \\\n  four\nfive\n```\n";
    expect(shellBlocks(page)).to.deep.equal(["one 'a\nb' | two\n", "three \\\n  four"]);
    expect(commandsIn(shellBlocks(page).join("\n"), "one")).to.deep.equal(["one 'a\nb'"]);
  });

  it("would be refused with an incomplete security context, a host path or JSON that is none", async () => {
    const planted = "kubectl run planted --image=busybox:1";
    const override = (spec: object): string => `${planted} --overrides='${JSON.stringify({ spec })}'`;
    const [plain, hostPath] = await podsOf([
      planted,
      override({ volumes: [{ name: "etc", hostPath: { path: "/etc" } }], hostNetwork: true }),
    ]);
    expect(restrictedProblems(plain!)).to.deep.equal([
      "container planted may run as root",
      "container planted has no seccomp profile",
      "container planted may gain privileges",
      "container planted keeps capabilities",
    ]);
    expect(restrictedProblems(hostPath!)).to.include.members([
      "shares a namespace with its node",
      "mounts a volume of the type hostPath",
    ]);
    const invalid = await podsOf([`${planted} --overrides='{"spec": {'`]).catch((error: unknown) => error);
    expect(invalid).to.be.instanceOf(Error);
  });
});
