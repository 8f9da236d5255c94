import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ensureFile, startMysql, type ServerHandle } from "@confab/local";
import { expect } from "chai";
import { environmentOf } from "./src/container-environment.ts";
import { chartFolder } from "./src/paths.ts";
import { render, renderWith } from "./src/scenarios.ts";
import { workloadsOf } from "./src/workloads.ts";
import type { Manifest } from "./src/manifests.ts";

const script = join(chartFolder, "files/backup.sh");

function environmentIn(manifests: readonly Manifest[]): Record<string, string> {
  const backup = workloadsOf(manifests).find(({ component }) => component === "backup")!;
  return environmentOf(backup.containers[0]!, manifests);
}

describe("the backup", () => {
  it("logs in to the database of the services, with TLS where they use it", async () => {
    const bundled = await renderWith("--set", "backup.enabled=true,backup.existingClaim=dumps");
    const worker = workloadsOf(bundled).find(({ component }) => component === "worker")!;
    const { DATABASE_URL, DATABASE_USERNAME, DATABASE_PASSWORD } = environmentOf(worker.containers[0]!, bundled);
    const { DATABASE_HOST, DATABASE_PORT, DATABASE_NAME, ...own } = environmentIn(bundled);
    expect(`mysql://${DATABASE_HOST!}:${DATABASE_PORT!}/${DATABASE_NAME!}`).to.equal(DATABASE_URL);
    expect(own)
      .to.include({ DATABASE_USERNAME, DATABASE_PASSWORD })
      .and.not.have.any.keys("DATABASE_TLS", "DATABASE_CA");
    expect(environmentIn(await render("mysql-operator"))).to.include({
      DATABASE_HOST: "chat-mysql.stores",
      DATABASE_TLS: "on",
      DATABASE_CA: "/etc/confab/certificate-authority/ca.crt",
    });
  });
});

describe("the backup of a real database", function () {
  this.timeout(180_000);
  let folder: string;
  let server: ServerHandle;
  let usual: Record<string, string>;

  const sql = (text: string): void => {
    const { hostname, port, username, password } = new URL(server.url);
    const login = ["--no-defaults", `--host=${hostname}`, `--port=${port}`, `--user=${username}`];
    const env = { ...process.env, MYSQL_PWD: decodeURIComponent(password) };
    const { status, stderr } = spawnSync("mysql", [...login, "--execute", text], { encoding: "utf8", env });
    expect(status, stderr).to.equal(0);
  };
  /** Runs the script under the same conditions as the pod. The MySQL server refuses to run as root. */
  const backUp = async (changes: Record<string, string> = {}): Promise<SpawnSyncReturns<string>> => {
    const temporary = await mkdtemp(join(folder, "temporary-"));
    await chmod(temporary, 0o777);
    const env = { PATH: `${process.env.PATH!}:/usr/sbin`, ...usual, TEMPORARY: temporary, ...changes };
    const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    return spawnSync("sh", [script], { env, encoding: "utf8", ...user });
  };
  const kept = () => readdir(join(folder, "dumps"));

  before(async () => {
    if (spawnSync("sh", ["-c", "command -v mariadb-dump || command -v mysqldump"]).status !== 0) {
      await ensureFile({ file: "/usr/bin/mariadb-dump", packages: ["mariadb-client"] }, () => undefined);
    }
    folder = await mkdtemp(join(tmpdir(), "confab-backup-"));
    await mkdir(join(folder, "dumps"));
    for (const path of [folder, join(folder, "dumps")]) await chmod(path, 0o777);
    server = await startMysql({ dir: await mkdtemp(join(folder, "mysql-")) });
    const { hostname, port, username, password, pathname } = new URL(server.url);
    usual = {
      ...environmentIn(await renderWith("--set", "backup.enabled=true,backup.existingClaim=dumps,backup.keep=2")),
      DUMPS: join(folder, "dumps"),
      DATABASE_HOST: hostname,
      DATABASE_PORT: port,
      DATABASE_NAME: pathname.slice(1),
      DATABASE_USERNAME: username,
      DATABASE_PASSWORD: decodeURIComponent(password),
    };
    sql(`USE ${pathname.slice(1)}; CREATE TABLE messages (id INT PRIMARY KEY, body VARBINARY(99));
      INSERT INTO messages VALUES (1, 0x00FF27), (2, 0xF09F9982), (3, 'text');`);
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("keeps nothing that a restore shows not to be a database of Confab", async () => {
    const { status, stderr } = await backUp();
    expect(status).to.equal(1);
    expect(stderr).to.include("The restored database has no tables of Confab.");
    expect(await kept()).to.deep.equal([]);
  });

  it("keeps a dump with its checksum after a restore, and removes the oldest beyond the limit", async () => {
    sql(
      `USE ${usual.DATABASE_NAME!}; CREATE TABLE _prisma_migrations (id INT); INSERT INTO _prisma_migrations VALUES (1)`,
    );
    for (let run = 0; run < 3; run++) {
      const { status, stdout, stderr } = await backUp();
      expect(status, stderr).to.equal(0);
      expect(stdout).to.include("restored messages: 3 rows");
      await pause(1_100);
    }
    const files = await kept();
    expect(files.filter((file) => file.endsWith(".sql.gz"))).to.have.length(2);
    expect(files).to.have.length(4);
    const sums = files.filter((file) => file.endsWith(".sha256"));
    const check = spawnSync("sha256sum", ["--check", ...sums], { cwd: join(folder, "dumps"), encoding: "utf8" });
    expect(check.stdout).to.match(/^(\S+: OK\n){2}$/);
  });

  it("keeps the earlier dumps when the database refuses it", async () => {
    const before = await kept();
    const { status, stderr } = await backUp({ DATABASE_PASSWORD: 'an"other\\one' });
    expect(status).to.equal(1);
    expect(stderr).to.match(/Access denied/);
    expect(await kept()).to.deep.equal(before);
  });

  it("keeps nothing when the program that dumps fails after its last line", async () => {
    const before = await kept();
    const bin = await mkdtemp(join(folder, "bin-"));
    await chmod(bin, 0o755);
    const program = spawnSync("sh", ["-c", "command -v mariadb-dump || command -v mysqldump"], { encoding: "utf8" });
    const real = program.stdout.trim();
    await writeFile(join(bin, basename(real)), `#!/bin/sh\n${real} "$@"\n[ "$2" = --help ] || exit 3\n`, {
      mode: 0o755,
    });
    const { status, stderr } = await backUp({ PATH: `${bin}:${process.env.PATH!}:/usr/sbin` });
    expect(status).to.equal(1);
    expect(stderr).to.include("ended with status 3");
    expect(await kept()).to.deep.equal(before);
  });
});
