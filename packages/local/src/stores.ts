import { createHash } from "node:crypto";
import { join } from "node:path";
import { composeDown, composeUp, dockerAnswers, type StoreName } from "./compose.ts";
import { findElasticsearchTools } from "./elasticsearch-home.ts";
import { startElasticsearch } from "./elasticsearch.ts";
import { startMysql } from "./mysql.ts";
import { assertPortsFree, choosePort } from "./ports.ts";
import { startRedis } from "./redis.ts";
import { secretIn } from "./secret.ts";
import type { ServerHandle } from "./server.ts";

export interface StoresOptions {
  /** Folder for data, configuration and logs of the native servers, with one subfolder per server. */
  readonly dir: string;
  /** Ports of the stores. By default, or if 0, a free one. */
  readonly ports?: Partial<Record<StoreName, number>>;
  /** Environment variables that set the ports. The error for a taken port names its variable. */
  readonly portVariables?: Partial<Record<StoreName, string>>;
  /** URLs of stores that already run and are used as they are. */
  readonly given?: Partial<Record<StoreName, string | undefined>>;
  /** Search backend. With `mysql`, Elasticsearch is not started. */
  readonly searchBackend?: string | undefined;
  /** Redis' memory limit, such as `512mb`. By default, only the machine's memory is the limit. */
  readonly redisMaxmemory?: string;
  readonly onProgress?: (line: string) => void;
}

export interface Stores {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  /** URL of Elasticsearch, or undefined if MySQL serves searches. */
  readonly elasticsearchUrl: string | undefined;
  /** Servers that were started natively. */
  readonly servers: readonly ServerHandle[];
  /** Name of the Compose project that was started, if any. */
  readonly composeProject: string | undefined;
  /** URLs of the stores in the Compose project. */
  readonly composeUrls?: Readonly<Record<string, string>>;
  /** Stops only what `startStores` started. For containers, also removes the data in their volumes. */
  stop(): Promise<void>;
}

/**
 * Starts the stores that are not given, in parallel: in Docker if an engine answers, otherwise natively. Stops all of
 * them if one fails. Passwords are random and kept in `dir`, so that the next start over the same data knows them.
 */
export async function startStores(options: StoresOptions): Promise<Stores> {
  const onProgress = options.onProgress ?? (() => undefined);
  const { given = {} } = options;
  const missing = (["redis", "mysql", "elasticsearch"] as const).filter((name) => given[name] === undefined);
  const withoutSearch = missing.filter((name) => name !== "elasticsearch");
  const wanted = options.searchBackend === "mysql" ? withoutSearch : missing;
  if (wanted.length > 0 && (await dockerAnswers())) return startInDocker(options, wanted, onProgress);

  if (wanted.includes("elasticsearch") && (await findElasticsearchTools()) === undefined) {
    onProgress("MySQL serves search (SEARCH_BACKEND=mysql): there is no JDK of 17 or later with Maven");
    return startNatively(options, withoutSearch, onProgress);
  }
  return startNatively(options, wanted, onProgress);
}

async function startNatively(
  options: StoresOptions,
  names: readonly StoreName[],
  onProgress: (line: string) => void,
): Promise<Stores> {
  const fixed = names.map((name) => ({
    name,
    port: options.ports?.[name] ?? 0,
    variable: options.portVariables?.[name],
  }));
  // The ports are checked before anything is started, so that a taken port is reported at once.
  await assertPortsFree(fixed.filter(({ port }) => port !== 0));
  const start = async (name: StoreName) => {
    const portVariable = options.portVariables?.[name];
    const where = {
      dir: join(options.dir, name),
      port: options.ports?.[name] ?? 0,
      ...(portVariable === undefined ? {} : { portVariable }),
    };
    const server = await {
      redis: () => {
        const args = options.redisMaxmemory === undefined ? [] : ["--maxmemory", options.redisMaxmemory];
        return startRedis({ ...where, args, password: passwordOf(options, "redis") }, onProgress);
      },
      mysql: () => startMysql({ ...where, rights: "own" }, onProgress),
      elasticsearch: () => startElasticsearch(where, onProgress),
    }[name]();
    onProgress(`${name} answers on port ${server.port}`);
    return server;
  };
  const results = await Promise.allSettled(names.map(start));
  const servers = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) {
    await stop();
    throw failure.reason;
  }
  const urls = Object.fromEntries(servers.map((server) => [server.name, server.url]));
  return { ...combine(options, urls), servers, composeProject: undefined, stop };
}

async function startInDocker(
  options: StoresOptions,
  names: readonly StoreName[],
  onProgress: (line: string) => void,
): Promise<Stores> {
  const [redis, mysql, elasticsearch] = await Promise.all([
    choosePort(options.ports?.redis),
    choosePort(options.ports?.mysql),
    choosePort(options.ports?.elasticsearch),
  ]);
  // Each folder has its own project, so that a test run beside a developer's stack has its own containers.
  const project = `confab-${createHash("sha256").update(options.dir).digest("hex").slice(0, 8)}`;
  onProgress(`starting ${names.join(", ")} in Docker (project ${project})`);
  const passwords = { redis: passwordOf(options, "redis"), mysql: passwordOf(options, "mysql") };
  const settings = { ports: { redis, mysql, elasticsearch }, passwords, redisMaxmemory: options.redisMaxmemory ?? "0" };
  await composeUp(project, names, settings);
  const all: Record<StoreName, string> = {
    redis: `redis://:${passwords.redis}@127.0.0.1:${redis}`,
    mysql: `mysql://confab:${passwords.mysql}@127.0.0.1:${mysql}/confab?allowPublicKeyRetrieval=true`,
    elasticsearch: `http://127.0.0.1:${elasticsearch}`,
  };
  const urls = Object.fromEntries(names.map((name) => [name, all[name]]));
  const stop = () => composeDown(project, true);
  return { ...combine(options, urls), servers: [], composeProject: project, composeUrls: urls, stop };
}

const passwordOf = ({ dir }: StoresOptions, name: "redis" | "mysql") => secretIn(join(dir, name, "password"));

function combine({ given = {} }: StoresOptions, started: Readonly<Record<string, string>>) {
  const redisUrl = given.redis ?? started.redis;
  const databaseUrl = given.mysql ?? started.mysql;
  if (redisUrl === undefined || databaseUrl === undefined)
    throw new Error("a store has neither been given nor started");
  return { redisUrl, databaseUrl, elasticsearchUrl: given.elasticsearch ?? started.elasticsearch };
}
