import { expect } from "chai";
import { ofKind, type Manifest } from "./src/manifests.ts";
import { withCluster } from "./src/release-on-cluster.ts";
import { render } from "./src/scenarios.ts";

describe("the settings that decide where in Redis a chat is", () => {
  it("are kept by upgrades: another number of partitions or another prefix is refused with a reason", async () => {
    const running = await render("default");
    expect(ofKind(running, "Deployment")).to.have.length(3);
    await withCluster(running, running, async (upgrade) => {
      const refused = await upgrade("config.partitions=12", "config.redisKeyPrefix=other");
      expect(refused.code).to.not.equal(0);
      expect(refused.stderr).to.include("config.partitions is 12, but this release runs with 1");
      expect(refused.stderr).to.include("set config.redisKeyPrefix to confab");
      expect((await upgrade()).stderr).to.equal("");
    });
  });

  it("are free at the first install", async () => {
    await withCluster(await render("default"), [], async (install) => {
      expect((await install("config.partitions=12", "config.redisKeyPrefix=other")).stderr).to.equal("");
    });
  });
});

describe("a MySQL that runs without a variable that only the first start reads", () => {
  it("is not restarted for it", async () => {
    const running = await render("default");
    await withCluster(running, [], async (install) => {
      expect((await install()).stdout).to.include("MYSQL_ROOT_HOST");
    });
    const bare = structuredClone(running) as (Manifest & {
      spec: { template: { spec: { containers: { env: { name: string }[] }[] } } };
    })[];
    const mysql = bare.find(({ kind, metadata }) => kind === "StatefulSet" && metadata.name.endsWith("-mysql"))!;
    const [container] = mysql.spec.template.spec.containers;
    container!.env = container!.env.filter(({ name }) => name !== "MYSQL_ROOT_HOST");
    await withCluster(running, bare, async (upgrade) => {
      expect((await upgrade()).stdout).to.not.include("MYSQL_ROOT_HOST");
    });
  });
});
