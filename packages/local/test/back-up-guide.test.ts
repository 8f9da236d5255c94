import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { startMysql, type ServerHandle } from "../src/index.ts";
import { ensureProgram } from "../src/install.ts";
import { findProgram, run } from "../src/run.ts";

const root = join(import.meta.dirname, "../../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const blocks = [...read("docs/how-to/back-up-one-machine.md").matchAll(/^```sh\n([^]*?)^```$/gm)].map(
  ([, script = ""]) => script,
);
const compose = parse(read("compose.yaml"), { merge: true }) as {
  services: Record<string, { environment?: Record<string, string>; volumes?: string[] }>;
};

describe("the guide on backing up one machine", function () {
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), "confab-back-up-"));
  const bin = join(folder, "bin");
  const calls = join(folder, "calls");
  const dockerHost = process.env.DOCKER_HOST;
  let mysql: ServerHandle;

  before(async () => {
    // Nothing answers at this address, so MySQL runs natively on every machine.
    process.env.DOCKER_HOST = "tcp://127.0.0.1:1";
    await ensureProgram({ programs: ["mysqldump"], packages: ["mariadb-client", "mysql-client"] }, () => undefined);
    mysql = await startMysql({ dir: join(folder, "mysql"), rights: "own" });
    const { hostname, port } = new URL(mysql.url);
    mkdirSync(bin);
    writeFileSync(join(folder, ".my.cnf"), `[client]\nhost=${hostname}\nport=${port}\nprotocol=tcp\n`);
    // This stand-in for docker runs locally what the guide runs in the MySQL container, and logs all calls.
    const docker = `#!/bin/bash
echo "$*" >>'${calls}'
[ "$1 $2 $3 $4" = "compose exec -T mysql" ] || exit 0
shift 4
exec "\${@//\\/run\\/confab\\/mysql/${join(folder, "mysql/password")}}"
`;
    writeFileSync(join(bin, "docker"), docker);
    chmodSync(join(bin, "docker"), 0o755);
  });
  after(async () => {
    await mysql.stop();
    if (dockerHost === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = dockerHost;
    rmSync(folder, { recursive: true, force: true });
  });

  async function paste(script: string): Promise<void> {
    const env = { HOME: folder, PATH: `${bin}:${process.env.PATH ?? ""}` };
    const { code, stdout, stderr } = await run("bash", ["-euo", "pipefail", "-c", `cd '${folder}'; ${script}`], {
      env,
    });
    expect(code, `${script}\n${stdout}${stderr}`).to.equal(0);
  }
  async function ask(sql: string): Promise<string> {
    const { password, port } = new URL(mysql.url);
    const login = [
      "--no-defaults",
      "--host=127.0.0.1",
      `--port=${port}`,
      "--user=confab",
      "--batch",
      "--skip-column-names",
    ];
    const client = findProgram("mariadb", "mysql") ?? "mariadb";
    const { code, stdout, stderr } = await run(client, [...login, "--execute", sql, "confab"], {
      env: { MYSQL_PWD: password },
    });
    expect(code, stderr).to.equal(0);
    return stdout.trim();
  }
  const texts = () => ask("SELECT HEX(body) FROM messages ORDER BY id");
  const fill = () =>
    ask(
      "DROP TABLE IF EXISTS messages; CREATE TABLE messages (id INT PRIMARY KEY, body TEXT) CHARACTER SET utf8mb4; INSERT INTO messages VALUES (1, 'Crème'), (2, _utf8mb4 x'F09F9982')",
    );

  it("dumps and restores the database of Docker Compose", async () => {
    await fill();
    const before = await texts();
    await paste(blocks[0]!);
    await ask("INSERT INTO messages VALUES (3, 'later'); CREATE TABLE of_later (id INT)");
    await paste(blocks[1]!);
    expect(await texts()).to.equal(before);
    expect(await ask("SHOW TABLES")).to.equal("messages");
    const other = readFileSync(calls, "utf8")
      .trim()
      .split("\n")
      .filter((line) => !line.includes(" exec -T mysql "));
    expect(other).to.have.length(6);
    const named = other.flatMap((line) => /^compose (?:exec -T (\w+)|stop (.+))/.exec(line)?.slice(1) ?? []);
    const services = named.flatMap((names) => (names as string | undefined)?.split(" ") ?? []);
    expect(services).to.include.members(["nginx", "worker", "redis", "api"]);
    for (const name of services) expect(compose.services).to.have.property(name);
    expect(compose.services.mysql?.environment).to.include({
      MYSQL_DATABASE: "confab",
      MYSQL_USER: "confab",
      MYSQL_PASSWORD_FILE: "/run/confab/mysql",
    });
    for (const store of ["mysql", "redis"])
      expect(compose.services[store]?.volumes).to.include("secrets:/run/confab:ro");
  });

  it("dumps and restores the database of make up", async () => {
    const here = (script: string): string =>
      script
        .replace("--port=13306", `--port=${new URL(mysql.url).port}`)
        .replace(".confab/data/mysql/password", join(folder, "mysql/password"));
    const settings = join(folder, ".confab/settings.json");
    mkdirSync(join(folder, ".confab"));
    writeFileSync(settings, '{"REQUIRE_KEYS":"on"}');
    await fill();
    const before = await texts();
    await paste(here(blocks[2]!));
    await ask("INSERT INTO messages VALUES (3, 'later')");
    rmSync(join(folder, ".confab"), { recursive: true });
    const lines = blocks[3]!.trimEnd().split("\n");
    // The guide restores the settings before the first start.
    await paste(lines.slice(lines.indexOf("make reset YES=1") + 1, lines.indexOf("make up")).join("\n"));
    expect(readFileSync(settings, "utf8")).to.equal('{"REQUIRE_KEYS":"on"}');
    await paste(here(lines.find((line) => line.startsWith("gunzip"))!));
    expect(await texts()).to.equal(before);
  });
});
