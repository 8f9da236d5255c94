import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { LocalError, bindToThisProcess, end, freePort, startMysql, startRedis, unbind } from "../src/index.ts";
import { firstBytes } from "../src/first-bytes.ts";
import { start } from "../src/launch.ts";
import { identify, isRunning, type ProcessIdentity } from "../src/process-identity.ts";
import { run } from "../src/run.ts";
import { until } from "./support/checkout.ts";

describe("the servers that are started natively", function () {
  this.timeout(60_000);
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "confab-servers-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = async (port: number, line: string) => (await firstBytes(port, `${line}\r\n`))?.toString() ?? "";

  it("keep what Redis has answered when it is killed, on the same port", async () => {
    const redis = await startRedis({ dir: folder });
    const firstPid = redis.pid;
    expect(await ask(redis.port, "SET answered 1")).to.equal("+OK\r\n");
    await redis.kill();
    expect(await ask(redis.port, "PING")).to.equal("");

    // As after a copy was restored as root.
    chownSync(join(folder, "data/appendonlydir"), process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    await redis.start();
    expect(redis.pid).to.not.equal(firstPid);
    expect(await ask(redis.port, "GET answered")).to.equal("$1\r\n1\r\n");
    await redis.stop();
    expect(identify(redis.pid)).to.equal(undefined);
  });

  it("fsync before Redis answers and never evict, unless the arguments say otherwise", async () => {
    const setting = async (port: number, name: string) => (await ask(port, `CONFIG GET ${name}`)).split("\r\n")[4];
    const redis = await startRedis({ dir: folder, args: ["--appendfsync", "everysec"] });
    expect(await setting(redis.port, "appendonly")).to.equal("yes");
    expect(await setting(redis.port, "maxmemory-policy")).to.equal("noeviction");
    expect(await setting(redis.port, "appendfsync")).to.equal("everysec");
    await redis.stop();

    const other = await startRedis({ dir: join(folder, "other") });
    expect(await setting(other.port, "appendfsync")).to.equal("always");
    await other.stop();
  });

  it("start MySQL again over the data of one that was killed", async () => {
    const mysql = await startMysql({ dir: folder, database: "again" });
    const url = `mysql://confab:[\\w-]{32}@127.0.0.1:${mysql.port}/again\\?allowPublicKeyRetrieval=true`;
    expect(mysql.url).to.match(new RegExp(`^${url}$`));
    await mysql.kill();
    expect(await firstBytes(mysql.port)).to.equal(undefined);
    await mysql.start();
    expect((await firstBytes(mysql.port))?.at(4)).to.equal(10);
    await mysql.stop();
  });

  it("say which port is taken and which variable chooses another", async () => {
    const taken = createServer().listen(await freePort(), "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const error = await startRedis({ dir: folder, port, portVariable: "CONFAB_REDIS_PORT" }).catch((e: unknown) => e);
    taken.close();
    expect(error).to.be.instanceOf(LocalError);
    expect(error).to.have.property(
      "message",
      `Port ${port}, wanted for redis, is taken by another program. Stop it, or choose another port with CONFAB_REDIS_PORT=….`,
    );
  });

  it("say with the log's last line why one did not start", async () => {
    const error = await startRedis({ dir: folder, args: ["--no-such-option", "1"] }).catch((e: unknown) => e);
    expect(error).to.be.instanceOf(LocalError);
    expect(String(error)).to.match(/redis ended at once; its log, .*redis\.log, ends with: .*/);
  });

  it("die with the process that started them, even when that is killed", async () => {
    const index = join(import.meta.dirname, "../src/index.ts");
    const script = `
      import { startRedis } from ${JSON.stringify(index)};
      const redis = await startRedis({ dir: ${JSON.stringify(folder)} });
      console.log(redis.pid);
      setInterval(() => undefined, 1000);
    `;
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const redis = identify(Number(line.toString()));
    expect(redis).to.not.equal(undefined);
    parent.kill("SIGKILL");
    const deadline = performance.now() + 10_000;
    while (redis !== undefined && isRunning(redis) && performance.now() < deadline) await sleep(20);
    expect(redis !== undefined && isRunning(redis)).to.equal(false);
  });

  it("continue without the process that started them once they are released", async () => {
    const index = join(import.meta.dirname, "../src/index.ts");
    const script = `
      import { startRedis } from ${JSON.stringify(index)};
      const redis = await startRedis({ dir: ${JSON.stringify(folder)} });
      console.log(JSON.stringify({ ...redis.release(), port: redis.port }));
    `;
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script]);
    const redis = JSON.parse(stdout) as ProcessIdentity & { port: number };
    // Longer than a guard would take to end it.
    await sleep(300);
    expect(await ask(redis.port, "PING")).to.equal("+PONG\r\n");
    await end(redis, "SIGTERM", 10_000);
  });

  it("start again from what was written about them, over the same data and with the same password", async () => {
    const redis = await startRedis({ dir: folder, password: "a-password" });
    const login = (line: string) => ask(redis.port, `AUTH a-password\r\n${line}`);
    await login("SET kept 1");
    const written = JSON.stringify(redis.release());
    await redis.kill();
    const { identity } = start((JSON.parse(written) as ReturnType<typeof redis.release>).launch);
    bindToThisProcess({ process: identity });
    expect(await until(async () => (await login("GET kept")).includes("$1\r\n1\r\n"))).to.equal(true);
    expect(await ask(redis.port, "PING")).to.match(/^-NOAUTH/);
    await end(identity, "SIGTERM", 10_000);
    unbind({ process: identity });
  });

  it("are never mistaken for another process that was given their pid", async () => {
    const child = spawn("sleep", ["60"], { stdio: "ignore", detached: true });
    const identity = identify(child.pid ?? 0);
    expect(identity).to.not.equal(undefined);
    await end({ pid: child.pid ?? 0, startedAt: "1" }, "SIGTERM", 1000);
    expect(identity !== undefined && isRunning(identity)).to.equal(true);
    if (identity !== undefined) await end(identity, "SIGTERM", 1000);
    expect(identify(child.pid ?? 0)).to.equal(undefined);
  });

  it("leave their log in their folder", async () => {
    const redis = await startRedis({ dir: folder });
    await redis.stop();
    expect(readFileSync(join(folder, "redis.log"), "utf8")).to.include("Ready to accept connections");
  });
});
