import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { createDatabase, migrate } from "@confab/database";
import {
  createTestDatabase,
  hasElasticsearch,
  inherited,
  startService,
  testStores,
  uniquePrefix,
} from "@confab/testkit";
import { run as runHere } from "../src/run.ts";
import { startGateway } from "./gateway.ts";

export const main = join(import.meta.dirname, "../src/main.ts");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs confabctl in this process with exactly this environment. Tests of signals, a terminal, the time zone and the
 * exit of the process need `startCommand`.
 */
export async function runCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input = "",
): Promise<Ended> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const printed = Promise.all([text(stdout), text(stderr)]);
  const code = await runHere(args, { env, stdin: Readable.from([input]), stdout, stderr });
  stdout.end();
  stderr.end();
  const [out, err] = await printed;
  return { code, stdout: out, stderr: err };
}

/** Starts confabctl as a process with exactly this environment. */
export function startCommand(args: readonly string[], env: Readonly<Record<string, string>>, input = "") {
  const child = spawn(process.execPath, ["--conditions=@confab/source", main, ...args], {
    env: { ...inherited(), ...env },
  });
  child.stdin.end(input);
  const ended = (async (): Promise<Ended> => {
    const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    const [code] = exit as [number | null];
    return { stdout, stderr, code };
  })();
  return { child, ended };
}

/** Starts all three services behind one address, with their own database, Redis keys and index. */
async function startStack(more: Readonly<Record<string, string>> = {}) {
  const testDatabase = await createTestDatabase();
  const databaseUrl = testDatabase.url;
  await migrate(databaseUrl);
  const index = uniquePrefix("cli");
  const search: Record<string, string> = hasElasticsearch()
    ? { ELASTICSEARCH_URL: testStores().elasticsearchUrl, SEARCH_INDEX: index }
    : { SEARCH_BACKEND: "mysql" };
  const env = {
    DATABASE_URL: databaseUrl,
    REDIS_KEY_PREFIX: uniquePrefix("cli"),
    ADMIN_API_KEY: "admin-key-for-tests",
    ...search,
    ...more,
  };
  const services = await Promise.all([
    startService("ingest", env),
    startService("api", env),
    startService("worker", env),
  ]);
  const gateway = await startGateway({ ingest: services[0].url, api: services[1].url });
  const database = createDatabase({ url: databaseUrl });
  const folder = await mkdtemp(join(tmpdir(), "confab-cli-"));
  const commandEnv = { ...env, CONFAB_URL: gateway.url };
  const run = (args: readonly string[], more: Readonly<Record<string, string>> = {}, input?: string): Promise<Ended> =>
    runCommand(args, { ...commandEnv, ...more }, input);
  return {
    database,
    env: commandEnv,
    index,
    folder,
    gateway,
    workerPid: services[2].pid,
    urls: { ingest: services[0].url, api: services[1].url },
    run,
    /** Runs a command with `--json`, which must succeed, and returns its output. */
    async json<T>(...args: string[]): Promise<T> {
      const { code, stdout, stderr } = await run([...args, "--json", "--quiet"]);
      if (code !== 0) throw new Error(`confabctl ${args.join(" ")} ended with ${code ?? "a signal"}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
    async stop(): Promise<void> {
      await gateway.stop();
      await Promise.all([...services.map((service) => service.stop()), database.close()]);
      await rm(folder, { recursive: true });
      if (hasElasticsearch()) await removeIndices(index);
      await testDatabase.drop();
    },
  };
}

export type Stack = Awaited<ReturnType<typeof startStack>>;

/**
 * Starts a stack for the tests of the `describe` that calls it. The hooks and tests in that `describe` can use the
 * stack.
 */
export function useStack(more: () => Readonly<Record<string, string>> = () => ({})): Stack {
  const stack = {} as Stack;
  before(async () => {
    Object.assign(stack, await startStack(more()));
  });
  after(() => stack.stop());
  return stack;
}

async function removeIndices(alias: string): Promise<void> {
  const url = testStores().elasticsearchUrl;
  const found = (await (await fetch(`${url}/_alias/${alias}`)).json()) as Record<string, unknown>;
  for (const index of Object.keys(found)) await fetch(`${url}/${index}`, { method: "DELETE" });
}
