import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { checkConfiguration } from "../src/check-configuration.ts";
import { ensurePromtool } from "../src/index.ts";
import { ensureProgram } from "../src/install.ts";
import { run } from "../src/run.ts";
import { serviceNames } from "../src/services.ts";

// Not every machine that runs these tests has a Docker engine. A workflow in .github starts the whole system with one.

interface ComposeService {
  readonly image: string;
  readonly command?: string | string[];
  readonly environment?: Record<string, string>;
  readonly ports?: string[];
  readonly networks?: string[];
  readonly restart?: string;
  readonly logging?: { readonly options: Record<string, string> };
}
interface ComposeFile {
  readonly services: Record<string, ComposeService>;
}

const root = join(import.meta.dirname, "../../..");
const read = (path: string) => parse(readFileSync(join(root, path), "utf8"), { merge: true }) as ComposeFile;
const stores = ["redis", "mysql", "elasticsearch"] as const;
const services = serviceNames;

/** Replaces variables like Compose in an empty environment. */
const interpolate = (text: string): string =>
  text.replaceAll(/\$\{\w+:-((?:[^${}]|\$\{[^}]*\})*)\}/g, (_, fallback: string) => interpolate(fallback));

describe("the Compose file for the whole system", function () {
  this.timeout(60_000);
  const compose = read("compose.yaml");
  const folder = mkdtempSync(join(tmpdir(), "confab-compose-"));
  const secrets = join(folder, "secrets");
  const proxy = join(folder, "proxy");

  before(async () => {
    const script = join(root, "packages/local/src/prepare-compose.ts");
    expect((await run(process.execPath, [script, secrets, proxy])).stderr).to.equal("");
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("gives every service settings that it accepts, and none that it does not know", async () => {
    const unknownIn = async (name: (typeof services)[number]) => {
      const entries = Object.entries(compose.services[name]?.environment ?? {});
      const settings = Object.fromEntries(
        entries.map(([key, value]) => [key, interpolate(value).replace("/run/confab", secrets)]),
      );
      const variables = await checkConfiguration(settings);
      const known = new Set(variables[name].flatMap((variable) => [variable, `${variable}_FILE`]));
      // Each service gets the URLs of all stores, even if it does not use Elasticsearch.
      return Object.keys(settings).filter((key) => !known.has(key) && key !== "ELASTICSEARCH_URL");
    };
    expect((await Promise.all(services.map(unknownIn))).flat()).to.deep.equal([]);
  });

  it("starts programs that the image has", () => {
    for (const name of [...services, "migrate"]) {
      const [program = ""] = compose.services[name]?.command ?? [];
      expect(existsSync(join(root, program.replace("/dist/src/", "/src/").replace(/\.js$/, ".ts"))), program).to.equal(
        true,
      );
    }
  });

  it("runs the same stores with the same durability as make up in Docker", () => {
    const local = read("packages/local/compose.yaml");
    const flags = ({ command = "" }: ComposeService) =>
      String(command).match(/--(append|save|innodb|skip|char|coll|secure|local)\S*( \w+)?/g);
    for (const name of stores) {
      expect(compose.services[name]!.image).to.equal(local.services[name]!.image);
      expect(flags(compose.services[name]!)).to.deep.equal(flags(local.services[name]!));
    }
  });

  it("publishes nginx and Prometheus on this machine alone, and no store", () => {
    const published = Object.entries(compose.services).flatMap(([name, { ports = [] }]) =>
      ports.map((port) => [name, interpolate(port)]),
    );
    expect(published).to.deep.equal([
      ["nginx", "127.0.0.1:8080:8080"],
      ["prometheus", "127.0.0.1:9090:9090"],
    ]);
    for (const name of stores) expect(compose.services[name]?.networks).to.deep.equal(["stores"]);
  });

  it("bounds the logs of everything that keeps running", () => {
    for (const file of [compose, read("packages/local/compose.yaml")]) {
      const unbounded = Object.entries(file.services).filter(
        ([, { logging }]) => logging?.options["max-size"] !== "16m",
      );
      expect(unbounded.map(([name]) => name).filter((name) => name !== "prepare")).to.deep.equal([]);
    }
  });

  it("starts again what dies, except for what ends by itself", () => {
    const policies = Object.entries(compose.services).map(([name, { restart }]) => [name, restart]);
    const others = policies.filter(([, restart]) => restart !== "unless-stopped");
    expect(others).to.deep.equal([
      ["prepare", undefined],
      ["migrate", "no"],
    ]);
  });

  it("makes random passwords once, which the stores can read whatever their user", async () => {
    const password = readFileSync(join(secrets, "redis"), "utf8");
    expect(password).to.match(/^[\w-]{32}$/);
    expect(readFileSync(join(secrets, "redis.conf"), "utf8")).to.equal(`requirepass ${password}\n`);
    for (const name of ["redis", "mysql", "redis.conf"]) {
      expect(statSync(join(secrets, name)).mode & 0o777, name).to.equal(0o444);
    }
    await run(process.execPath, [join(root, "packages/local/src/prepare-compose.ts"), secrets, proxy]);
    expect(readFileSync(join(secrets, "redis"), "utf8")).to.equal(password);
  });

  it("has a configuration that nginx accepts, with both services behind it", async () => {
    const config = readFileSync(join(proxy, "nginx.conf"), "utf8");
    expect(config).to.include("server ingest:8081").and.to.include("server api:8082");
    expect(config).to.include("user nginx;").and.to.include("access_log /dev/stdout json;");
    // The host names exist only among the containers, and this machine has no user nginx.
    const here = config.replaceAll(/(ingest|api):808/g, "127.0.0.1:808").replace("user nginx;", "");
    writeFileSync(join(proxy, "nginx.conf"), here);
    const nginx = await ensureProgram({ programs: ["nginx"], packages: ["nginx"] }, () => undefined);
    // The output goes through a pipe, like in a container. Node's own pipes are sockets, which cannot be opened as
    // /dev/stdout.
    const test = `'${nginx}' -t -e stderr -p '${proxy}' -c '${proxy}/nginx.conf' 2>&1 | cat`;
    expect((await run("sh", ["-c", test])).stdout).to.include("test is successful");
  });

  it("has a Prometheus that accepts its configuration and the chart's rules", async () => {
    const config = readFileSync(join(root, "packages/local/prometheus.yml"), "utf8");
    const file = join(folder, "prometheus.yml");
    writeFileSync(file, config.replace("rules/*.yaml", join(root, "charts/confab/rules/*.yaml")));
    const { code, stdout, stderr } = await run(await ensurePromtool(), ["check", "config", file]);
    expect(code, stderr).to.equal(0);
    const rules = readdirSync(join(root, "charts/confab/rules"));
    expect(stdout).to.include(`SUCCESS: ${rules.length} rule files found`);
  });
});
