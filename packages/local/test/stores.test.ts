import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { startMysql, startStores, type Stores } from "../src/index.ts";
import { findProgram, run } from "../src/run.ts";
import { firstBytes } from "../src/first-bytes.ts";

const isRoot = process.getuid?.() === 0;

describe("the stores that make up and the tests start, to others on this machine", function () {
  this.timeout(120_000);
  const dir = mkdtempSync(join(tmpdir(), "confab-stores-"));
  let stores: Stores;

  const start = () => startStores({ dir, searchBackend: "mysql", redisMaxmemory: "64mb" });

  const dockerHost = process.env.DOCKER_HOST;

  before(async () => {
    // Nothing answers at this address, so the stores run natively on every machine.
    process.env.DOCKER_HOST = "tcp://127.0.0.1:1";
    stores = await start();
  });
  after(async () => {
    if (dockerHost === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = dockerHost;
    await stores.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const database = (url = new URL(stores.databaseUrl)) => {
    const login = [`--host=${url.hostname}`, `--port=${url.port}`, `--user=${url.username}`];
    const client = findProgram("mariadb", "mysql") ?? "mariadb";
    return (sql: string) =>
      run(client, ["--no-defaults", "--batch", ...login, "--execute", sql], { env: { MYSQL_PWD: url.password } });
  };
  const ask = async (lines: string) =>
    String(await firstBytes(Number(new URL(stores.redisUrl).port), lines.replaceAll("\n", "\r\n")));

  it("do not run as root, and keep their data from other users", () => {
    expect(stores.servers.map(({ name }) => name)).to.have.members(["redis", "mysql"]);
    for (const { name, pid } of stores.servers) {
      expect(statSync(join(dir, name, "data")).mode & 0o077, name).to.equal(0);
      expect(statSync(join(dir, name, `${name}.log`)).mode & 0o077, name).to.equal(0);
      expect(statSync(join(dir, name, "password")).mode & 0o077, name).to.equal(0);
      if (process.platform !== "linux") continue;
      const uids = /^Uid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]?.split("\t");
      if (isRoot) expect(uids, name).to.not.include("0");
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      expect(commandLine, name).to.not.include(readFileSync(join(dir, name, "password"), "utf8"));
    }
  });

  it("let nobody in without the password", async () => {
    expect(await ask("PING\n")).to.match(/^-NOAUTH/);
    expect(await ask(`AUTH confab\n`)).to.match(/^-(WRONGPASS|ERR)/);
    for (const [user, password] of [
      ["confab", "confab"],
      ["confab", ""],
      ["root", ""],
      ["", ""],
    ]) {
      const url = new URL(stores.databaseUrl);
      url.username = user ?? "";
      url.password = password ?? "";
      expect((await database(url)("SELECT 1")).stderr, user).to.match(/Access denied|1045/);
    }
  });

  it("write and read no file for a statement, and let Confab have its own databases only", async () => {
    const sql = database();
    const target = join(tmpdir(), `confab-outfile-${process.pid}`);
    for (const file of [target, join(dir, "mysql/empty/x"), join(dir, "mysql/data/x")]) {
      expect((await sql(`SELECT 'x' INTO OUTFILE '${file}'`)).code).to.not.equal(0);
      expect(existsSync(file)).to.equal(false);
    }
    expect((await sql("SELECT LOAD_FILE('/etc/passwd') IS NULL AS refused")).stdout).to.equal("refused\n1\n");
    for (const refused of ["CREATE DATABASE other", "CREATE USER other", "SELECT * FROM mysql.user"]) {
      expect((await sql(refused)).stderr).to.match(/denied/);
    }
    const mine = "CREATE DATABASE confab_test_1; CREATE TABLE confab_test_1.t (n INT); DROP DATABASE confab_test_1";
    expect((await sql(mine)).stderr).to.equal("");
  });

  it("write no file even for an administrator", async () => {
    const mysql = await startMysql({ dir: join(dir, "administered") });
    const sql = database(new URL(mysql.url));
    for (const folder of [tmpdir(), join(dir, "administered/empty"), join(dir, "administered/data")]) {
      const file = join(folder, `confab-outfile-${process.pid}`);
      expect((await sql(`SELECT 'x' INTO OUTFILE '${file}'`)).code, folder).to.not.equal(0);
      expect(existsSync(file), folder).to.equal(false);
    }
    await mysql.stop();
  });

  it("bound Redis, which then refuses and does not evict", async () => {
    const { password } = new URL(stores.redisUrl);
    const answer = await ask(`AUTH ${password}\nCONFIG GET maxmemory*\n`);
    expect(answer).to.match(/maxmemory\r\n\$8\r\n67108864\r\n/);
    expect(answer).to.match(/maxmemory-policy\r\n\$10\r\nnoeviction\r\n/);
  });

  it("keep data and passwords from one start to the next", async () => {
    const { redisUrl, databaseUrl } = stores;
    await ask(`AUTH ${new URL(redisUrl).password}\nSET kept 1\n`);
    await database()("CREATE TABLE confab.kept (n INT)");
    await stores.stop();
    stores = await start();
    expect(new URL(stores.redisUrl).password).to.equal(new URL(redisUrl).password);
    expect(new URL(stores.databaseUrl).password).to.equal(new URL(databaseUrl).password);
    expect(await ask(`AUTH ${new URL(redisUrl).password}\nGET kept\n`)).to.include("$1\r\n1\r\n");
    expect((await database()("SHOW TABLES IN confab")).stdout).to.include("kept");
  });
});
