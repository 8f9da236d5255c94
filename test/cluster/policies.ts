import { expect } from "chai";
import { run } from "./command.ts";
import type { Release } from "./release.ts";
import { report } from "./report.ts";

/** Ports that must be unreachable from outside the release while NetworkPolicies are on. */
const forbidden = [
  ["Service/confab-redis", 6379],
  ["Service/confab-mysql", 3306],
  ["Service/confab-elasticsearch", 9200],
  ["Service/confab-ingest", 9081],
  ["Service/confab-api", 9082],
] as const;

/** Describes connections from a pod in another namespace, with NetworkPolicies and without. */
export function describePolicies(installed: () => Release): void {
  describe("from a pod in another namespace", () => {
    const outsider = "confab-e2e-outsider";
    before(async () => {
      await run("kubectl", ["create", "namespace", outsider]);
    });
    after(async () => {
      await run("kubectl", ["delete", "namespace", outsider, "--wait"]);
    });

    it("is unreachable with enforced NetworkPolicies, and reachable with NetworkPolicies off", async () => {
      await installed().upgrade({ "ingress.rateLimit.enabled": "false" });
      const withPolicies = await reached(installed(), outsider);
      const policies = await installed().json<{ items: unknown[] }>("get", "networkpolicies");
      expect(policies.items).to.have.length.above(5);
      await installed().upgrade({ "ingress.rateLimit.enabled": "false", "networkPolicy.enabled": "false" });
      const without = await reached(installed(), outsider);
      expect((await installed().json<{ items: unknown[] }>("get", "networkpolicies")).items).to.deep.equal([]);

      expect(without, "reached without policies").to.have.length(forbidden.length);
      const enforces = withPolicies.length < forbidden.length;
      report(
        enforces
          ? `this cluster enforces NetworkPolicies: with them another namespace reaches ${withPolicies.join(", ") || "nothing"}`
          : "this cluster does NOT enforce NetworkPolicies: with and without them another namespace reaches everything",
      );
      if (enforces) expect(withPolicies).to.deep.equal([]);
    });
  });
}

async function reached(release: Release, namespace: string): Promise<string[]> {
  const { spec } = await release.json<{ spec: { template: { spec: { containers: { image: string }[] } } } }>(
    "get",
    "deployment",
    "confab-api",
  );
  const targets = forbidden.map(([name, port]) => [`${name.split("/")[1]!}.${release.namespace}`, port]);
  const script = `
    const { connect } = require("node:net");
    Promise.all(${JSON.stringify(targets)}.map(([host, port]) => new Promise((done) => {
      const socket = connect({ host, port, timeout: 3000 });
      const end = (reached) => { socket.destroy(); done(reached ? host + ":" + port : undefined); };
      socket.on("connect", () => end(true)).on("timeout", () => end(false)).on("error", () => end(false));
    }))).then((all) => console.log("REACHED " + JSON.stringify(all.filter(Boolean))));`;
  const pod = `outsider-${Date.now().toString(36)}`;
  const image = `--image=${spec.template.spec.containers[0]!.image}`;
  const kubectl = (...args: string[]) => run("kubectl", ["--namespace", namespace, ...args]);
  await kubectl(
    "run",
    pod,
    image,
    "--restart=Never",
    "--image-pull-policy=IfNotPresent",
    "--command",
    "--",
    "node",
    "-e",
    script,
  );
  await kubectl("wait", `pod/${pod}`, "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s");
  const output = await kubectl("logs", pod);
  return JSON.parse(/^REACHED (.*)$/m.exec(output)?.[1] ?? "null") as string[];
}
