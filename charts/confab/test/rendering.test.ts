import { expect } from "chai";
import { lint } from "./src/helm.ts";
import { nameOf } from "./src/manifests.ts";
import { render, renderWith, scenarios, valuesFile } from "./src/scenarios.ts";

/** Secret values that the chart generates by default. */
const secrets = [
  "adminApiKey.value=a-given-admin-key",
  "mysql.auth.password=given-mysql",
  "mysql.auth.rootPassword=given-root",
  "redis.auth.password=given-redis",
  "elasticsearch.auth.password=given-elasticsearch",
].flatMap((secret) => ["--set", secret]);

for (const scenario of scenarios) {
  describe(`the scenario ${scenario}`, () => {
    it("passes helm lint --strict", async () => {
      const { code, stdout, stderr } = await lint(["--values", valuesFile(scenario)]);
      expect(code, `${stdout}${stderr}`).to.equal(0);
    });

    it("renders the three services", async () => {
      const names = (await render(scenario)).map(nameOf);
      expect(names).to.include.members(["ingest", "api", "worker"].map((name) => `Deployment/confab-${name}`));
    });
  });
}

describe("rendering", () => {
  it("gives the same result twice if the passwords are given", async () => {
    const [first, second] = await Promise.all([renderWith(...secrets), renderWith(...secrets)]);
    expect(second).to.deep.equal(first);
  });

  it("generates unique passwords, which do not restart pods", async () => {
    const [first, second] = await Promise.all([renderWith(), renderWith()]);
    const passwords = [first, second].map((manifests) => manifests.filter(({ kind }) => kind === "Secret"));
    expect(passwords[0]).to.have.length.greaterThan(0);
    for (const [index, secret] of passwords[0]!.entries()) expect(passwords[1]![index]).to.not.deep.equal(secret);

    const others = [first, second].map((manifests) => manifests.filter(({ kind }) => kind !== "Secret"));
    expect(others[1]).to.deep.equal(others[0]);
  });

  it("covers every promised scenario", () => {
    const promised = [
      "default",
      "external-stores",
      "keda",
      "hpa",
      "gateway-api",
      "traefik",
      "hardened",
      "minimal",
      "redis-cluster",
      "redis-sentinel",
    ];
    expect(scenarios).to.include.members(promised);
  });
});
