import { fork } from "node:child_process";
import { once } from "node:events";
import { startService } from "@confab/testkit";

export interface Running {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The stores and the Redis prefix of one phase. Nothing else uses this prefix. */
export interface Workspace {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly prefix: string;
}

export interface Design {
  readonly name: "Confab" | "plain";
  startIngest(workspace: Workspace): Promise<Running>;
  startWorker(workspace: Workspace): Promise<Running>;
}

/** A: the services as they are, without rate limits and without Elasticsearch. */
export const confab: Design = {
  name: "Confab",
  startIngest: (workspace) => startService("ingest", { ...environmentOf(workspace), RATE_LIMITS: "off" }),
  startWorker: (workspace) => startService("worker", { ...environmentOf(workspace), SEARCH_BACKEND: "mysql" }),
};

/** B: INCR, one job per message, one transaction per message. */
export const plain: Design = {
  name: "plain",
  startIngest: (workspace) => startPlain(import.meta.resolve("./plain-ingest.ts"), workspace),
  startWorker: (workspace) => startPlain(import.meta.resolve("./plain-worker.ts"), workspace),
};

/** The variables of every process of a phase. */
function environmentOf({ redisUrl, databaseUrl, prefix }: Workspace) {
  return {
    NODE_ENV: "production",
    LOG_LEVEL: "warn",
    REDIS_URL: redisUrl,
    DATABASE_URL: databaseUrl,
    REDIS_KEY_PREFIX: prefix,
  };
}

async function startPlain(file: string, workspace: Workspace): Promise<Running> {
  const child = fork(new URL(file), {
    execArgv: ["--conditions=@confab/source"],
    env: { PATH: process.env.PATH, ...environmentOf(workspace) },
  });
  const ended = once(child, "exit");
  const first = await Promise.race([once(child, "message"), ended.then(() => undefined)]);
  if (first === undefined || child.pid === undefined) throw new Error(`${file} exited before it was ready`);
  const [{ port }] = first as [{ port: number }];
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
