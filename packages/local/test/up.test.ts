import { once } from "node:events";
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { isRunning, signal } from "../src/process-identity.ts";
import { freePort } from "../src/index.ts";
import { createCheckout, until, type Checkout } from "./support/checkout.ts";

const bare = ({ env }: Checkout) => ({ PATH: env.PATH!, HOME: env.HOME!, XDG_CACHE_HOME: env.XDG_CACHE_HOME! });

describe("make up, make status, make logs and make down", function () {
  this.timeout(60_000);
  let checkout: Checkout;
  /** Runs `make up` in a shell with no Confab variables except these. */
  const upWith = (more: Record<string, string>) => checkout.local("up", { ...bare(checkout), ...more });
  const pids = () => new Map(checkout.state().processes.map(({ name, pid }) => [name, pid]));

  before(async () => {
    checkout = await createCheckout();
  });
  after(() => checkout.remove());

  it("say that nothing runs", async () => {
    expect((await checkout.local("status")).stdout).to.equal(
      "Nothing runs in the background: make up starts Confab.\n",
    );
    const logs = await checkout.local("logs");
    expect(logs).to.include({ code: 1, stderr: "Nothing runs in the background: make up starts Confab.\n" });
  });

  it("start everything, closed to other users, and keep what runs", async () => {
    const first = await checkout.local("up");
    expect(first.stderr).to.equal("");
    expect(first.code).to.equal(0);
    expect(first.stdout).to.include(`Confab runs on http://localhost:${checkout.env.CONFAB_PORT ?? ""}`);
    const started = pids();
    expect([...started.keys()]).to.have.members(["ingest", "api", "worker", "nginx"]);
    const logs = readdirSync(join(checkout.root, ".confab/logs")).map((name) => `.confab/logs/${name}`);
    for (const path of [".confab/state.json", ".confab/settings.json", ...logs]) {
      expect(statSync(join(checkout.root, path)).mode & 0o077, path).to.equal(0);
    }
    expect(statSync(join(checkout.root, ".confab")).mode & 0o066).to.equal(0);
    expect((await fetch(`${checkout.url}/openapi.json`)).status).to.equal(200);

    expect((await checkout.local("up")).code).to.equal(0);
    expect(pids()).to.deep.equal(started);
  });

  it("keep the settings for a shell that has none, and name each of them", async () => {
    const started = pids();
    const again = await upWith({});
    expect(again.code).to.equal(0);
    expect(again.stdout).to.include(`Confab runs on http://localhost:${checkout.env.CONFAB_PORT ?? ""}`);
    expect(again.stdout).to.match(/CONFAB_API_PORT is kept from the last start; to remove it, set CONFAB_API_PORT= /);
    expect(pids()).to.deep.equal(started);
  });

  it("give services their own variables and no others", async () => {
    const { env } = await checkout.ask("worker");
    expect(env).to.include({ HOST: "127.0.0.1", SEARCH_BACKEND: "mysql" });
    expect(env).to.not.have.any.keys("FORCE_COLOR", "CONFAB_PORT", "PORT", "ADMIN_API_KEY");
  });

  it("restart a service when one of its own variables changes, and no other service", async () => {
    const before = pids();
    const up = await upWith({ APPLICATION_MESSAGE_RATE: "7", EDITOR: "vi" });
    expect(up.stdout).to.include("stopping ingest: APPLICATION_MESSAGE_RATE changed");
    const now = pids();
    expect(now.get("ingest")).to.not.equal(before.get("ingest"));
    for (const name of ["api", "worker", "nginx"]) expect(now.get(name), name).to.equal(before.get(name));
    expect((await checkout.ask("ingest")).env.APPLICATION_MESSAGE_RATE).to.equal("7");
  });

  it("keep a key that a later shell does not have, until it is set to nothing", async () => {
    await upWith({ ADMIN_API_KEY: "secret-admin-key" });
    const kept = await upWith({});
    expect(kept.stdout).to.include("ADMIN_API_KEY is kept from the last start; to remove it, set ADMIN_API_KEY=");
    expect(kept.stdout).to.include("Authorization: Bearer");
    expect(kept.stdout).to.not.include("secret-admin-key");
    expect((await checkout.ask("api")).env.ADMIN_API_KEY).to.equal("secret-admin-key");

    const removed = await upWith({ ADMIN_API_KEY: "" });
    expect(removed.stdout)
      .to.include("stopping api: ADMIN_API_KEY changed")
      .and.not.include("is kept from the last start; to remove it, set ADMIN_API_KEY");
    expect((await checkout.ask("api")).env.ADMIN_API_KEY).to.equal(undefined);
  });

  it("warn of keys that are not required", async () => {
    const warning = "WARNING: there are active keys, but none is required";
    expect((await upWith({})).stdout).to.not.include(warning);
    checkout.save("active-keys", "");
    expect((await upWith({})).stdout).to.include(warning);
    const closed = await upWith({ REQUIRE_KEYS: "on" });
    expect(closed.stdout).to.not.include(warning);
    await upWith({ REQUIRE_KEYS: "" });
    rmSync(join(checkout.root, "active-keys"));
  });

  it("replace a kept value by a file that is named for it", async () => {
    const file = join(checkout.root, "key");
    writeFileSync(file, "secret-admin-key");
    await upWith({ ADMIN_API_KEY: "another-admin-key" });
    await upWith({ ADMIN_API_KEY_FILE: file });
    const { env } = await checkout.ask("api");
    expect(env.ADMIN_API_KEY_FILE).to.equal(file);
    expect(env.ADMIN_API_KEY).to.equal(undefined);
    await upWith({ ADMIN_API_KEY_FILE: "" });
  });

  it("stop no service for a value that cannot be used, and do not keep it", async () => {
    const before = pids();
    const settings = readFileSync(join(checkout.root, ".confab/settings.json"), "utf8");
    const bad = await upWith({ LOG_LEVEL: "loud" });
    expect(bad.code).to.equal(1);
    expect(bad.stderr).to.equal("These settings cannot be used:\n  LOG_LEVEL: expected a level\n");
    expect((await upWith({ FLOOD_RATE: "many" })).stderr).to.match(/^FLOOD_RATE must be/);
    expect((await upWith({ CONFAB_PORT: "many" })).stderr).to.equal(
      "CONFAB_PORT must be a port, a whole number from 1 to 65535.\n",
    );
    expect((await upWith({ CONFAB_REDIS_MAXMEMORY: "half" })).stderr).to.include(
      "CONFAB_REDIS_MAXMEMORY must be a size",
    );
    const taken = createServer().listen(await freePort(), "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const busy = await upWith({ CONFAB_API_PORT: String(port) });
    taken.close();
    expect(busy.stderr).to.match(/^Port \d+, wanted for api, is taken by .* with CONFAB_API_PORT=…\.\n$/);
    expect(pids()).to.deep.equal(before);
    expect(checkout.state().processes.every(isRunning)).to.equal(true);
    expect(readFileSync(join(checkout.root, ".confab/settings.json"), "utf8")).to.equal(settings);
  });

  it("restart nginx with the limits of the services", async () => {
    expect((await upWith({ RATE_LIMITS: "off" })).stdout).to.include("stopping nginx: nginx.conf changed");
    const send = async () => (await fetch(`${checkout.url}/messages`, { method: "POST" })).status;
    const statuses = await Promise.all(Array.from({ length: 60 }, send));
    expect(new Set(statuses)).to.deep.equal(new Set([200]));
  });

  it("ask the ports that the run has, whatever the shell says", async () => {
    const other = { ...bare(checkout), CONFAB_INGEST_ADMIN_PORT: "1", CONFAB_PORT_OFFSET: "20" };
    const { stdout } = await checkout.local("status", other);
    for (const name of ["ingest", "api", "worker", "nginx"]) {
      expect(stdout).to.match(new RegExp(`^  ${name} +ready +pid ${pids().get(name) ?? 0} `, "m"));
    }
  });

  it("show old lines of all logs in order of time, with stack traces behind their line", async () => {
    const line = (seconds: number, message: string) =>
      `${JSON.stringify({ level: "info", time: `2026-01-02T03:04:0${seconds}.000Z`, message })}\n`;
    const write = (name: string, text: string) => {
      writeFileSync(join(checkout.root, ".confab/logs", `${name}.log`), text);
    };
    write("worker", `${line(1, "first")}${line(5, "fifth")}`);
    write("api", `${line(2, "second")}    at third\n${line(4, "fourth")}`);
    const logs = checkout.spawn("logs");
    let text = "";
    logs.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const inOrder = /first[^]*second[^]*at third[^]*fourth[^]*fifth/;
    expect(await until(() => inOrder.test(text)), text).to.equal(true);
    logs.kill("SIGINT");
    expect(await once(logs, "exit")).to.deep.equal([0, null]);
  });

  it("let a second clone name the first one, and run beside it with one variable", async () => {
    const second = await createCheckout();
    try {
      const sameMachine = { ...bare(checkout), SEARCH_BACKEND: "mysql", REDIS_URL: "redis://127.0.0.1:1" };
      const same = { ...checkout.env, ...sameMachine };
      const refused = await second.local("up", same);
      expect(refused.code).to.equal(1);
      expect(refused.stderr).to.match(
        /^Confab runs already, from (.*)\. Stop it with "make -C \1 down", or run this clone beside it with CONFAB_PORT_OFFSET=\d+0\.\n$/,
      );
      expect(refused.stderr).to.include(checkout.root);
    } finally {
      await second.remove();
    }
  });

  it("stop all that was started, and say so when nothing runs", async () => {
    const { processes, supervisor } = checkout.state();
    expect((await checkout.local("down")).code).to.equal(0);
    expect([...processes, supervisor!].filter(isRunning)).to.deep.equal([]);
    expect((await checkout.local("down")).stdout).to.include("nothing runs");
  });

  it("explain in one sentence what failed, without a stack trace", async () => {
    const failed = await upWith({ BREAK_MIGRATION: "1" });
    expect(failed.code).to.equal(1);
    expect(failed.stderr).to.equal("The database could not be migrated: Error: table missing\n");
  });
});

describe("the supervisor of make up", function () {
  this.timeout(60_000);
  let checkout: Checkout;
  before(async () => {
    checkout = await createCheckout();
    // The text exceeds the maximum size of a log.
    checkout.save(".confab/logs/worker.log", `${"x".repeat(17 * 1024 ** 2)}\n`);
    expect((await checkout.local("up")).code).to.equal(0);
  });
  after(() => checkout.remove());

  it("starts a service again that was killed, and says so in make status and its log", async () => {
    const killed = checkout.process("worker");
    signal(killed, "SIGKILL");
    expect(await until(async () => (await checkout.ask("worker")).text === "text 0")).to.equal(true);
    expect(checkout.process("worker").pid).to.not.equal(killed.pid);
    expect((await checkout.local("status")).stdout).to.match(/^ {2}worker +ready +pid .*, restarted just now$/m);
    const log = readFileSync(join(checkout.root, ".confab/logs/supervisor.log"), "utf8");
    expect(log).to.match(/"worker died and starts again in 0.25 s"[^]*"worker was started again"/);
  });

  it("starts nginx again, and serves", async () => {
    signal(checkout.process("nginx"), "SIGKILL");
    const serves = () => fetch(`${checkout.url}/`).then(({ status }) => status === 200);
    expect(await until(() => checkout.process("nginx").deaths !== undefined)).to.equal(true);
    expect(await until(serves)).to.equal(true);
  });

  it("starts nginx again although its workers outlive their killed master", async () => {
    const { pid } = checkout.process("nginx");
    process.kill(pid, "SIGKILL");
    expect(await until(() => checkout.process("nginx").pid !== pid)).to.equal(true);
    expect(await until(() => fetch(`${checkout.url}/`).then(({ status }) => status === 200))).to.equal(true);
    expect((await checkout.local("status")).stdout).to.match(/^ {2}nginx +ready/m);
  });

  it("bounds the logs", () => {
    const { size } = statSync(join(checkout.root, ".confab/logs/worker.log.1"));
    expect(size).to.be.greaterThan(17 * 1024 ** 2);
    expect(statSync(join(checkout.root, ".confab/logs/worker.log")).size).to.be.lessThan(1024 ** 2);
  });

  it("leaves a service down that dies five times within a minute, and says why", async () => {
    checkout.save("services/api/src/text.ts", 'throw new Error("no such table");\nexport const text = "";');
    signal(checkout.process("api"), "SIGKILL");
    expect(await until(() => checkout.process("api").failure !== undefined)).to.equal(true);
    const { deaths, pid } = checkout.process("api");
    expect(deaths).to.have.length(5);
    const { stdout } = await checkout.local("status");
    expect(stdout).to.match(
      /^ {2}api +failed +it died 5 times within a minute; its log, .*api\.log, ends with: Error: no such table \(make up tries again\)$/m,
    );
    checkout.save("services/api/src/text.ts", 'export const text = "fixed";');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(checkout.process("api").pid).to.equal(pid);
    expect((await checkout.local("up")).code).to.equal(0);
    expect((await checkout.ask("api")).text).to.equal("fixed");
  });

  it("leaves no worker of nginx to make up or make down, also when both were killed", async () => {
    const kill = async () => {
      signal(checkout.state().supervisor!, "SIGKILL");
      const nginx = checkout.process("nginx");
      expect(await until(() => !isRunning(checkout.state().supervisor!))).to.equal(true);
      process.kill(nginx.pid, "SIGKILL");
      expect(await until(() => !isRunning(nginx))).to.equal(true);
    };
    await kill();
    const again = await checkout.local("up");
    expect(again.code, again.stderr).to.equal(0);
    await kill();
    expect((await checkout.local("down")).code).to.equal(0);
    const answers = () =>
      fetch(checkout.url).then(
        () => true,
        () => false,
      );
    expect(await until(async () => !(await answers()))).to.equal(true);
    expect((await checkout.local("up")).code).to.equal(0);
  });

  it("is replaced by make up when it was killed itself", async () => {
    signal(checkout.state().supervisor!, "SIGKILL");
    expect((await checkout.local("status")).stdout).to.include("Nothing starts again what dies");
    expect((await checkout.local("up")).code).to.equal(0);
    signal(checkout.process("ingest"), "SIGKILL");
    expect(await until(async () => (await checkout.ask("ingest")).text === "text 0")).to.equal(true);
  });
});
