// Runs the image in the current cluster of kubectl, in its own namespace, with a Redis and a MySQL:
//   CONFAB_IMAGE=confab:0.1.0 mocha --no-config --node-option conditions=@confab/source test/images/image.e2e.ts
// CONFAB_REDIS_IMAGE and CONFAB_MYSQL_IMAGE replace the images of the stores.
import { expect } from "chai";
import { endProcessOne, inspectProcess, listFiles, unwantedModules } from "./inspect-image.ts";
import { createNamespace, type Namespace } from "./namespace.ts";
import { confabctl, image, mysql, redis, servicePod, services, storeVariables } from "./programs.ts";

describe("the image", function () {
  this.timeout(240_000);
  let namespace: Namespace;
  let variables: Record<string, string>;
  let urls: Record<string, string>;

  before(async () => {
    namespace = await createNamespace();
    await Promise.all([redis, mysql].map(namespace.run));
  });

  after(async () => {
    await namespace.remove();
  });

  async function outputOf(name: string, args: string[], env: Record<string, string> = {}) {
    await namespace.run({ name, image, args, env });
    const exitCode = await namespace.exitOf(name);
    return { exitCode, text: await namespace.logs(name) };
  }

  it("shows the help of confabctl", async () => {
    const { exitCode, text } = await outputOf("help", [confabctl, "--help"]);
    expect(exitCode).to.equal(0);
    expect(text).to.match(/^Usage: confabctl /);
  });

  it("contains no development dependency, no test, no TypeScript and no native code", async () => {
    const { text } = await outputOf("files", ["--eval", listFiles]);
    const files = JSON.parse(text) as string[];
    const unwanted = new Set(unwantedModules());
    expect(files).to.include.members([
      "packages/pending/src/accept/messages.lua",
      "packages/database/prisma/migrations",
      "node_modules/swagger-ui-dist/swagger-ui-bundle.js",
    ]);
    expect(files.filter((path) => unwanted.has(path))).to.deep.equal([]);
    expect(files.filter((path) => /\.([cm]?ts|test\.js|tsbuildinfo|node)$/.test(path))).to.deep.equal([]);
    expect(files.filter((path) => /^(packages\/(testkit|local)|k8s-dev|bench|test)(\/|$)/.test(path))).to.deep.equal(
      [],
    );
  });

  for (const service of services) {
    it(`exits with 78 and names every missing variable when ${service} is not configured`, async () => {
      const { exitCode, text } = await outputOf(`bare-${service}`, [`services/${service}/dist/src/main.js`]);
      expect(exitCode).to.equal(78);
      expect(text).to.include("REDIS_URL").and.to.include("DATABASE_URL");
    });
  }

  it("migrates the database", async () => {
    const [redisAddress, mysqlAddress] = await Promise.all([namespace.ready("redis"), namespace.ready("mysql")]);
    variables = storeVariables({ redis: redisAddress, mysql: mysqlAddress });
    const { exitCode, text } = await outputOf("migrate", [confabctl, "migrate"], variables);
    expect(exitCode, text).to.equal(0);
    expect(text).to.match(/\d migrations? applied/);
  });

  it("becomes ready as each service on a read-only file system", async () => {
    await Promise.all(services.map((service) => namespace.run(servicePod(service, variables))));
    const [ingest = "", api = ""] = await Promise.all(services.map(namespace.ready));
    urls = { CONFAB_URL: `http://${api}:8082`, CONFAB_INGEST_URL: `http://${ingest}:8081` };
  });

  it("stores, lists and finds an accepted message", async () => {
    const { exitCode, text } = await outputOf("verify", [confabctl, "verify", "--quick"], urls);
    expect(exitCode, text).to.equal(0);
  });

  it("runs confabctl in a running container, by its name if there is a shell", async () => {
    const hasShell = await namespace.exec("worker", "node", "--print", `require("node:fs").existsSync("/bin/sh")`);
    const program = hasShell.trim() === "true" ? ["confabctl"] : ["node", confabctl];
    expect(JSON.parse(await namespace.exec("worker", ...program, "--json", "dead-letters", "list"))).to.deep.equal([]);
  });

  for (const service of services) {
    it(`runs ${service} as process 1 and user 65532 on a read-only root file system`, async () => {
      expect(JSON.parse(await namespace.exec(service, "node", "--eval", inspectProcess))).to.deep.equal({
        arguments: ["node", `services/${service}/dist/src/main.js`],
        user: 65532,
        root: "EROFS",
        environment: "production",
      });
    });

    it(`exits with 0 when ${service} receives SIGTERM`, async () => {
      await namespace.exec(service, "node", "--eval", endProcessOne);
      const exitCode = await namespace.exitOf(service);
      expect(exitCode, await namespace.logs(service)).to.equal(0);
    });
  }
});
