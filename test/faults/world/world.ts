import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createApplications, createChats, createDatabase, migrate } from "@confab/database";
import {
  startProxy,
  uniquePrefix,
  type Proxy,
  type RedisCluster,
  type RedisSentinel,
  type ServerHandle,
} from "@confab/testkit";
import { createOwnDatabase, execute, type SharedStores } from "./stores.ts";
import { startRedisOf, type RedisKind } from "./redis.ts";
import { createProcess, type Process, type ServiceName } from "./process.ts";
import type { Application } from "../load/client.ts";

export type StoreName = "redis" | "mysql" | "search";

/** Number of processes by service. */
export type Topology = Readonly<Record<ServiceName, number>>;

export interface WorldOptions {
  readonly stores: SharedStores;
  /** Folder for the run's own files. It is removed at the end. */
  readonly dir: string;
  readonly topology: Topology;
  readonly env?: Readonly<Partial<Record<ServiceName | "all", Readonly<Record<string, string>>>>>;
  readonly envOf?: (dir: string, process: string) => Readonly<Record<string, string>>;
  readonly prepare?: (dir: string) => Promise<void>;
  readonly redis: RedisKind;
  readonly redisArgs?: readonly string[];
  /** The number of chats in each of the two applications. */
  readonly chats: number;
  /** Whether the first application has one more chat, which the load deletes. */
  readonly hasDoomedChat: boolean;
}

export interface Doomed {
  readonly id: number;
  readonly token: string;
  readonly app: string;
  readonly chat: number;
}

/** The system of one run: real processes and stores, with a proxy between each process and each store. */
export interface World {
  readonly processes: readonly Process[];
  readonly redis: ServerHandle;
  readonly cluster: RedisCluster | undefined;
  readonly sentinels: RedisSentinel | undefined;
  readonly mysql: ServerHandle | undefined;
  readonly elasticsearch: ServerHandle | undefined;
  readonly databaseUrl: string;
  readonly databaseAdminUrl: string;
  readonly index: { readonly url: string; readonly alias: string } | undefined;
  readonly keyPrefix: string;
  /** Folder for the run's own files. Redis uses its subfolder `redis`. */
  readonly dir: string;
  readonly applications: readonly Application[];
  /** The chat that the load deletes, with its id; undefined if no chat is deleted. */
  readonly doomed: Doomed | undefined;
  of(service: ServiceName): readonly Process[];
  /** Returns the proxies between a service, or one of its processes, and a store. */
  links(of: ServiceName | Process, store: StoreName): readonly Proxy[];
  sql<Row>(statement: string): Promise<Row[]>;
  /** Adds work that runs before everything else is stopped. */
  onStop(work: () => Promise<unknown>): void;
  stop(): Promise<void>;
}

const canaries = ["kanarienvogel", "papageitaucher"];

/** Starts everything. Resolves when all processes are ready. If something fails, stops everything that was started. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { stores, dir, topology } = options;
  const name = uniquePrefix("confab faults").replaceAll("-", "_");
  const stops: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true })];
  const stop = async () => {
    for (const one of stops.toReversed()) await one().catch(() => undefined);
  };
  try {
    await options.prepare?.(dir);
    const own = await startRedisOf(options.redis, dir, options.redisArgs);
    const redis = own.server;
    stops.push(() => own.stop());
    const database = await createOwnDatabase(stores, name);
    stops.push(() => database.drop());
    await migrate(database.url);
    const applications = await createContents(database.url, options.chats, options.hasDoomedChat);
    const doomed = await findDoomed(database.adminUrl, applications);
    const index = stores.elasticsearchUrl === undefined ? undefined : { url: stores.elasticsearchUrl, alias: name };
    if (index) stops.push(() => removeIndices(index));

    const targets = { redis: own.env ? undefined : redis.url, mysql: database.url, search: stores.elasticsearchUrl };
    const linked = new Map<Process, Partial<Record<StoreName, Proxy>>>();
    for (const service of ["ingest", "api", "worker"] as const) {
      for (let number = 1; number <= topology[service]; number += 1) {
        const links: Partial<Record<StoreName, Proxy>> = {};
        for (const store of ["redis", "mysql", "search"] as const) {
          const target = targets[store];
          if (target === undefined || (service === "ingest" && store === "search")) continue;
          const proxy = await startProxy({ target });
          links[store] = proxy;
          stops.push(() => proxy.close());
        }
        const env = { ...baseEnvironment(name, links), ...own.env, ...options.env?.all, ...options.env?.[service] };
        const process = `${service}-${number}`;
        linked.set(await createProcess(service, process, { ...env, ...options.envOf?.(dir, process) }), links);
      }
    }
    const processes = [...linked.keys()];
    stops.push(() => Promise.all(processes.map((process) => process.kill())));
    await Promise.all(processes.map((process) => process.start()));
    await warmUp(processes, applications);

    return {
      processes,
      redis,
      cluster: own.cluster,
      sentinels: own.sentinels,
      mysql: stores.mysql,
      elasticsearch: stores.elasticsearch,
      databaseUrl: database.url,
      databaseAdminUrl: database.adminUrl,
      index,
      keyPrefix: name,
      dir,
      applications,
      doomed,
      of: (service) => processes.filter((process) => process.service === service),
      links: (of, store) =>
        processes
          .filter((process) => process === of || process.service === of)
          .flatMap((process) => linked.get(process)?.[store] ?? []),
      sql: (statement) => execute(database.adminUrl, statement),
      onStop: (work) => stops.push(work),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function baseEnvironment(name: string, links: Partial<Record<StoreName, Proxy>>): Record<string, string> {
  return {
    ...(links.redis && { REDIS_URL: links.redis.url }),
    ...(links.mysql && { DATABASE_URL: links.mysql.url }),
    ...(links.search ? { ELASTICSEARCH_URL: links.search.url } : { SEARCH_BACKEND: "mysql" }),
    REDIS_KEY_PREFIX: name,
    SEARCH_INDEX: name,
    RATE_LIMITS: "off",
    BATCH_OVERDUE_AFTER: "1s",
    // With this value, an erasure ends during the run. No transaction on a working connection takes longer.
    ERASURE_SETTLE_TIME: "3s",
    // This is the heap that fits the chart's limit of 512 MiB.
    NODE_OPTIONS: "--max-old-space-size=384",
  };
}

async function findDoomed(url: string, applications: readonly Application[]): Promise<Doomed | undefined> {
  const owner = applications.find(({ doomed }) => doomed !== undefined);
  if (owner === undefined) return undefined;
  const { token, label: app, doomed: chat } = owner;
  const [row] = await execute<{ id: number }>(
    url,
    `SELECT c.id FROM chats c JOIN applications a ON a.id = c.application_id WHERE a.token = '${token}' AND c.number = ${chat}`,
  );
  return { id: row!.id, token, app, chat: chat! };
}

async function createContents(url: string, chats: number, hasDoomedChat: boolean): Promise<Application[]> {
  const database = createDatabase({ url });
  try {
    const create = createChats(database).create;
    const applications: Application[] = [];
    for (const [at, canary] of canaries.entries()) {
      const token = randomUUID();
      await createApplications(database).create({ token, name: canary });
      const created = await Promise.all(Array.from({ length: chats }, () => create({ token })));
      const doomed = at === 0 && hasDoomedChat ? (await create({ token }))!.number : undefined;
      applications.push({
        label: "ab"[at]!,
        token,
        canary,
        chats: created.map((chat) => chat!.number),
        ...(doomed !== undefined && { doomed }),
      });
    }
    return applications;
  } finally {
    await database.close();
  }
}

/**
 * Makes the first requests of each process, because its first search may take seconds and must not look like a fault.
 */
async function warmUp(processes: readonly Process[], applications: readonly Application[]): Promise<void> {
  for (const { service, url } of processes) {
    if (service !== "api") continue;
    for (const { token, chats } of applications) {
      for (const chat of chats) {
        for (let tries = 0; tries < 20; tries += 1) {
          const answer = await fetch(`${url}/applications/${token}/chats/${chat}/messages/search?q=warm`);
          await answer.arrayBuffer();
          if (answer.ok) break;
          await sleep(250);
        }
      }
    }
  }
}

async function removeIndices({ url, alias }: { url: string; alias: string }): Promise<void> {
  const answer = await fetch(`${url}/_alias/${alias}*`);
  const names = answer.ok ? Object.keys((await answer.json()) as object) : [];
  for (const index of names) await fetch(`${url}/${index}`, { method: "DELETE" });
}
