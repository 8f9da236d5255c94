import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../src/index.ts";
import { run } from "../../src/run.ts";
import type { RunState } from "../../src/state.ts";

// The tests run the starter in a separate checkout with stand-ins for the services. Each stand-in answers with its
// variables and the text in its source, and ends at once on SIGTERM.
const service = `
  import { createServer } from "node:http";
  import { text } from "./text.ts";
  if (process.env.DIE_AT_ONCE === "yes") throw new Error("cannot work like that");
  const answer = (request, response) => response.end(JSON.stringify({ text, env: process.env }));
  const ports = [process.env.PORT, process.env.ADMIN_PORT].filter(Boolean);
  const servers = ports.map((port) => createServer(answer).listen(Number(port), "127.0.0.1"));
  process.on("SIGTERM", () => servers.forEach((server) => { server.close(); server.closeAllConnections(); }));
`;

const shared = [
  "LOG_LEVEL",
  "HOST",
  "PORT",
  "ADMIN_PORT",
  "REDIS_URL",
  "DATABASE_URL",
  "SEARCH_BACKEND",
  "RATE_LIMITS",
];
const variables = {
  ingest: [...shared, "APPLICATION_MESSAGE_RATE"],
  api: [...shared, "ADMIN_API_KEY", "REQUIRE_KEYS", "DIE_AT_ONCE"],
  worker: shared,
};

const commandLine = `
  import { existsSync } from "node:fs";
  const [command] = process.argv.slice(2);
  if (command === "migrate" && process.env.BREAK_MIGRATION) throw new Error("table missing");
  if (command === "migrate") console.log(JSON.stringify({ applied: [], active_keys: existsSync("active-keys") }));
  const isBad = process.env.LOG_LEVEL === "loud";
  const problems = isBad ? [{ name: "LOG_LEVEL", message: "expected a level" }] : [];
  const variables = Object.entries(${JSON.stringify(variables)});
  if (command === "config") console.log(JSON.stringify(variables.map(([service, variables]) => ({ service, variables, problems }))));
`;

/**
 * Creates a checkout in a temporary folder with the starter and stand-ins for the programs that it starts; `env` sets
 * free ports.
 */
export async function createCheckout() {
  const root = mkdtempSync(join(tmpdir(), "confab-up-"));
  const repository = join(import.meta.dirname, "../../../..");
  for (const part of ["src", "nginx.conf.template", "nginx-problems.conf"]) {
    cpSync(join(repository, "packages/local", part), join(root, "packages/local", part), { recursive: true });
  }
  symlinkSync(join(repository, "node_modules"), join(root, "node_modules"));
  const env: Record<string, string> = {
    REDIS_URL: "redis://127.0.0.1:1",
    DATABASE_URL: "mysql://u:p@127.0.0.1:1/d",
    SEARCH_BACKEND: "mysql",
    FORCE_COLOR: "0",
    XDG_CACHE_HOME: join(root, "cache"),
    PATH: process.env.PATH ?? "",
    HOME: process.env.HOME ?? "",
  };
  const ports = ["", "_INGEST", "_API", "_INGEST_ADMIN", "_API_ADMIN", "_WORKER_ADMIN"];
  for (const name of ports) env[`CONFAB${name}_PORT`] = String(await freePort());

  /** Replaces the file like editors and git: renames a new file over the old one. */
  const save = (path: string, text: string) => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, `${path}.new`), text);
    renameSync(join(root, `${path}.new`), join(root, path));
  };
  save("package.json", '{"type":"module"}');
  save("packages/cli/package.json", '{"type":"module"}');
  save("packages/cli/src/main.ts", commandLine);
  save("packages/shared/package.json", '{"name":"@confab/shared","type":"module"}');
  save("packages/shared/src/index.ts", 'export const shared = "shared 0";');
  for (const name of ["ingest", "api", "worker"]) {
    const dependencies = name === "worker" ? {} : { "@confab/shared": "0.1.0" };
    save(`services/${name}/package.json`, JSON.stringify({ name, type: "module", dependencies }));
    save(`services/${name}/src/main.ts`, service);
    save(`services/${name}/src/text.ts`, `export const text = "text 0";`);
  }
  const commandOf = (args: readonly string[]) => [join(root, "packages/local/src/cli.ts"), ...args];

  const checkout = {
    root,
    env,
    save,
    /** The URL of the reverse proxy. */
    url: `http://127.0.0.1:${env.CONFAB_PORT ?? ""}`,
    /** Runs a starter command in a shell with these variables. */
    local: (command: string, variables: Record<string, string> = env) =>
      run("env", [
        "-i",
        ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
        process.execPath,
        ...commandOf([command]),
      ]),
    /** Starts a command that runs until it is ended. */
    spawn: (...args: string[]) => spawn(process.execPath, commandOf(args), { env, stdio: ["ignore", "pipe", "pipe"] }),
    state: () => JSON.parse(readFileSync(join(root, ".confab/state.json"), "utf8")) as RunState,
    process: (name: string) => checkout.state().processes.find((entry) => entry.name === name)!,
    /** Returns the answer from the service's admin port. */
    async ask(name: string) {
      const response = await fetch(`http://127.0.0.1:${env[`CONFAB_${name.toUpperCase()}_ADMIN_PORT`] ?? ""}/readyz`);
      return (await response.json()) as { text: string; env: Record<string, string> };
    },
    async remove() {
      await checkout.local("down");
      rmSync(root, { recursive: true, force: true });
    },
  };
  return checkout;
}

export type Checkout = Awaited<ReturnType<typeof createCheckout>>;

/** Waits up to 30 s until the check returns true. A check that throws counts as false. */
export async function until(check: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    try {
      if (await check()) return true;
    } catch {
      // The process under test does not answer yet.
    }
    await sleep(50);
  }
  return false;
}
