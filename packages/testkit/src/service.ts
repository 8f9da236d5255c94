import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bindToThisProcess, end, freePort, serviceArguments, spawnLogged, unbind } from "@confab/local";
import { inherited } from "./inherited.ts";
import { hasElasticsearch, testStores } from "./stores.ts";

/** A service that the test runs as a separate process. */
export interface ServiceHandle {
  readonly url: string;
  readonly adminUrl: string;
  readonly pid: number;
  /** Resolves to the exit code, or to null if a signal ended the process. */
  readonly exit: Promise<number | null>;
  /** Returns the log lines so far, oldest first. A line that is not JSON becomes `{ message }`. */
  logs(): Record<string, unknown>[];
  /** Sends SIGTERM, and SIGKILL after 30 s. Resolves once the process has exited. */
  stop(): Promise<void>;
  /** Sends SIGKILL. Resolves once the process has exited. */
  kill(): Promise<void>;
}

export type ServiceName = "ingest" | "api" | "worker";

const root = join(import.meta.dirname, "../../..");

type ServiceForm = Parameters<typeof serviceArguments>[1];

/** Returns the program and arguments that run a service, by default from its sources. */
export function commandOf(name: ServiceName, form?: ServiceForm): readonly [string, ...string[]] {
  return [process.execPath, ...serviceArguments(name, form)];
}

/**
 * Starts `services/<name>` on free ports and resolves once it is ready. It inherits few variables; `env` adds variables
 * or replaces defaults. It uses the stores of the test run unless `env` names others. The service exits with this
 * process.
 */
export async function startService(
  name: ServiceName,
  env: Readonly<Record<string, string>> = {},
  form?: ServiceForm,
): Promise<ServiceHandle> {
  const folder = mkdtempSync(join(tmpdir(), `confab-${name}-`));
  bindToThisProcess({ folder });
  const logFile = join(folder, "log");
  const complete = await completeEnvironment(env);
  const [program, ...args] = commandOf(name, form);
  const { child, identity } = spawnLogged(program, args, logFile, { cwd: root, env: complete });
  bindToThisProcess({ process: identity });
  let lastText: string | undefined;
  const text = () => lastText ?? readFileSync(logFile, "utf8");
  const exit = once(child, "exit").then(([code]: unknown[]) => {
    lastText = text();
    rmSync(folder, { recursive: true, force: true });
    unbind({ folder });
    unbind({ process: identity });
    return typeof code === "number" ? code : null;
  });
  const endWith = async (signal: NodeJS.Signals) => {
    await end(identity, signal, 30_000);
    await exit;
  };

  const adminUrl = `http://127.0.0.1:${complete.ADMIN_PORT ?? ""}`;
  const lastAnswer = await waitUntilReady(adminUrl, () => lastText !== undefined);
  if (lastAnswer !== ready) {
    await endWith("SIGKILL");
    throw new Error(`${name} did not become ready (GET /readyz answered: ${lastAnswer}); its log:\n${text()}`);
  }
  return {
    url: `http://127.0.0.1:${complete.PORT ?? ""}`,
    adminUrl,
    pid: identity.pid,
    exit,
    logs: () => parseLines(text()),
    stop: () => endWith("SIGTERM"),
    kill: () => endWith("SIGKILL"),
  };
}

const ready = "ready";

/** Resolves to "ready", or to the last answer of /readyz after 30 s or once the process has exited. */
async function waitUntilReady(adminUrl: string, hasEnded: () => boolean): Promise<string> {
  const deadline = performance.now() + 30_000;
  let answer = "nothing";
  while (!hasEnded() && performance.now() < deadline) {
    answer = await fetch(`${adminUrl}/readyz`).then(
      async (response) => {
        const text = await response.text();
        return response.ok ? ready : text;
      },
      () => answer,
    );
    if (answer === ready) break;
    await sleep(50);
  }
  return answer;
}

function parseLines(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      try {
        return JSON.parse(line) as Record<string, unknown>;
      } catch {
        return { message: line };
      }
    });
}

function searchEnvironment(): Record<string, string> {
  return hasElasticsearch() ? { ELASTICSEARCH_URL: testStores().elasticsearchUrl } : { SEARCH_BACKEND: "mysql" };
}

async function completeEnvironment(env: Readonly<Record<string, string>>): Promise<NodeJS.ProcessEnv> {
  const { DATABASE_URL = testStores().databaseUrl } = env;
  const isRedisGiven = env.REDIS_URL !== undefined || env.REDIS_SENTINELS !== undefined;
  const isSearchGiven = env.ELASTICSEARCH_URL !== undefined || env.SEARCH_BACKEND !== undefined;
  return {
    ...inherited(),
    HOME: process.env.HOME,
    NODE_ENV: "test",
    ...(isRedisGiven ? {} : { REDIS_URL: testStores().redisUrl }),
    DATABASE_URL,
    ...(isSearchGiven ? {} : searchEnvironment()),
    PORT: String(await freePort()),
    ADMIN_PORT: String(await freePort()),
    LOG_LEVEL: "info",
    ...env,
  };
}
