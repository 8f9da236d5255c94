import { once } from "node:events";
import { createServer } from "node:net";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { freePort } from "../src/index.ts";
import { isRunning, signal } from "../src/process-identity.ts";
import { run } from "../src/run.ts";
import type { RunState } from "../src/state.ts";

// Stand-ins for the three services: what is tested here is the starter, in a checkout of its own.
const standIn = `
  import { createServer } from "node:http";
  const answer = (request, response) => response.end(process.env.RATE_LIMITS ?? "on");
  const ports = [process.env.PORT, process.env.ADMIN_PORT].filter(Boolean);
  const servers = ports.map((port) => createServer(answer).listen(Number(port), "127.0.0.1"));
  process.on("SIGTERM", () => servers.forEach((server) => { server.close(); server.closeAllConnections(); }));
`;

describe("make up and make down", function () {
  this.timeout(60_000);
  const root = mkdtempSync(join(tmpdir(), "confab-up-"));
  const env: Record<string, string> = {
    REDIS_URL: "redis://127.0.0.1:1",
    DATABASE_URL: "mysql://u:p@127.0.0.1:1/d",
    SEARCH_BACKEND: "mysql",
    FORCE_COLOR: "0",
  };

  before(async () => {
    const local = join(import.meta.dirname, "..");
    for (const part of ["src", "nginx.conf.template", "keep-logs.sh"]) {
      cpSync(join(local, part), join(root, "k8s-dev/local", part), { recursive: true });
    }
    const write = (path: string, text: string) => {
      mkdirSync(join(root, path, ".."), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    write("package.json", '{"type":"module"}');
    write("packages/cli/src/main.ts", 'if (process.env.BREAK_MIGRATION) throw new Error("table missing");');
    for (const name of ["ingest", "api", "worker"]) write(`services/${name}/src/main.ts`, standIn);
    const variables = ["", "_INGEST", "_API", "_INGEST_ADMIN", "_API_ADMIN", "_WORKER_ADMIN"];
    for (const name of variables) env[`CONFAB${name}_PORT`] = String(await freePort());
  });

  after(async () => {
    await local("down");
    rmSync(root, { recursive: true, force: true });
  });

  const local = (command: string, more: Record<string, string> = {}) =>
    run(process.execPath, [join(root, "k8s-dev/local/src/cli.ts"), command], { env: { ...env, ...more } });
  const processes = () => (JSON.parse(readFileSync(join(root, ".confab/state.json"), "utf8")) as RunState).processes;
  const pids = () => new Map(processes().map(({ name, pid }) => [name, pid]));
  const product = () => `http://127.0.0.1:${env.CONFAB_PORT ?? ""}`;

  it("start everything, keep what runs, and start again what died", async () => {
    const first = await local("up");
    expect(first.stderr).to.equal("");
    expect(first.code).to.equal(0);
    expect(first.stdout).to.include(`Confab runs on http://localhost:${env.CONFAB_PORT ?? ""}`);
    const before = pids();
    expect([...before.keys()]).to.have.members(["ingest", "api", "worker", "nginx", "log-keeper"]);
    for (const path of [
      ".confab/state.json",
      ...readdirSync(join(root, ".confab/logs")).map((n) => `.confab/logs/${n}`),
    ]) {
      expect(statSync(join(root, path)).mode & 0o077, path).to.equal(0);
    }
    expect(statSync(join(root, ".confab")).mode & 0o066).to.equal(0);
    expect((await fetch(`${product()}/openapi.json`)).status).to.equal(200);

    const api = processes().find(({ name }) => name === "api");
    if (api !== undefined) signal(api, "SIGKILL");
    expect((await local("up")).code).to.equal(0);
    const after = pids();
    expect(after.get("api")).to.not.equal(before.get("api"));
    for (const name of ["ingest", "worker", "nginx", "log-keeper"]) expect(after.get(name)).to.equal(before.get(name));
  });

  it("start again with other settings what runs with old ones", async () => {
    expect((await local("up", { RATE_LIMITS: "off" })).code).to.equal(0);
    expect(await (await fetch(`${product()}/`)).text()).to.equal("off");
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async () => (await fetch(`${product()}/messages`, { method: "POST" })).status),
    );
    expect(new Set(statuses)).to.deep.equal(new Set([200]));
  });

  it("stop all that was started, and say so when nothing runs", async () => {
    const running = processes();
    expect((await local("down")).code).to.equal(0);
    expect(running.filter(isRunning)).to.deep.equal([]);
    expect((await local("down")).stdout).to.include("nothing runs");
  });

  it("say in one sentence what failed, without a stack trace", async () => {
    const failed = await local("up", { BREAK_MIGRATION: "1" });
    expect(failed.code).to.equal(1);
    expect(failed.stderr).to.equal("The database could not be migrated: Error: table missing\n");

    const taken = createServer().listen(Number(env.CONFAB_API_PORT), "127.0.0.1");
    await once(taken, "listening");
    const busy = await local("up");
    taken.close();
    expect(busy.code).to.equal(1);
    expect(busy.stderr).to.match(/^Port \d+, wanted for api, is taken by .* with CONFAB_API_PORT=…\.\n$/);

    const wrong = await local("up", { CONFAB_PORT: "many" });
    expect(wrong.stderr).to.equal("CONFAB_PORT must be a port, a whole number from 1 to 65535.\n");
  });
});
