import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase, migrate, type Database } from "@confab/database";
import { findElasticsearchTools } from "@confab/local";
import { createTestDatabase, startElasticsearch, startMysql, startRedis, type ServerHandle } from "@confab/testkit";
import { buildStick } from "./designs/build-stick.ts";

/** The resources that a whole run shares. */
export interface World {
  /** Temporary folder for the files of the run. */
  readonly folder: string;
  readonly mysqlPid: number;
  /** Path of the Go service's program; undefined if Go is not installed. */
  readonly stick: string | undefined;
  /** Whether this machine can run Elasticsearch. */
  readonly hasElasticsearch: boolean;
  /** Creates something once and keeps it for the rest of the run. */
  keep<T>(name: string, create: () => Promise<Kept<T>>): Promise<T>;
  close(): Promise<void>;
}

export interface Kept<T> {
  readonly value: T;
  readonly close: () => Promise<unknown>;
}

/** The stores of one measurement: an empty Redis and an empty database. */
export interface Stores {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly database: Database;
  readonly pids: { readonly redis: number; readonly mysql: number };
}

/** The policy by which Redis syncs its append-only file to disk. */
export type Fsync = "always" | "everysec";

/** Starts MySQL, which flushes on every commit, and builds the programs that the run needs. */
export async function createWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "confab-bench-"));
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  const kept = new Map<string, unknown>();
  const keep = async <T>(name: string, create: () => Promise<Kept<T>>): Promise<T> => {
    if (!kept.has(name)) {
      const { value, close } = await create();
      kept.set(name, value);
      undo.push(close);
    }
    return kept.get(name) as T;
  };
  try {
    const stick = await buildStick(folder);
    const hasElasticsearch = (await findElasticsearchTools()) !== undefined;
    if (!hasElasticsearch)
      console.error("A JDK or Maven is missing, so everything that needs Elasticsearch is left out.");
    const mysql = await startMysql({ dir: join(folder, "mysql") });
    undo.push(() => mysql.stop());
    // The test kit creates its databases on the server that this variable names.
    process.env.CONFAB_TEST_DATABASE_URL = mysql.url;
    return { folder, mysqlPid: mysql.pid, stick, hasElasticsearch, keep, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Returns the run's Elasticsearch. It starts on the first call, and runs until the end of the run. */
export function elasticsearchOf(world: World): Promise<ServerHandle> {
  return world.keep("Elasticsearch", async () => {
    // Production uses this collector as well. With the serial collector, garbage counts as memory in use, and
    // Elasticsearch refuses requests.
    const args = ["-XX:-UseSerialGC", "-XX:+UseG1GC"];
    const value = await startElasticsearch(
      { dir: join(world.folder, "elasticsearch"), heap: "1g", args },
      console.error,
    );
    return { value, close: () => value.stop() };
  });
}

/** Starts a new Redis and creates an empty database. */
export async function openStores(world: World, fsync: Fsync): Promise<Kept<Stores>> {
  const undo: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const dir = await mkdtemp(join(world.folder, "redis-"));
    undo.push(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
    const redis = await startRedis({ dir, args: ["--appendfsync", fsync] });
    undo.push(() => redis.kill());
    const own = await createTestDatabase();
    undo.push(() => own.drop());
    const database = createDatabase({ url: own.url });
    undo.push(() => database.close());
    await migrate(own.url);
    const pids = { redis: redis.pid, mysql: world.mysqlPid };
    return { value: { redisUrl: redis.url, databaseUrl: own.url, database, pids }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Opens stores, and removes them after the work. */
export async function withStores<T>(world: World, fsync: Fsync, work: (stores: Stores) => Promise<T>): Promise<T> {
  const { value, close } = await openStores(world, fsync);
  try {
    return await work(value);
  } finally {
    await close();
  }
}

/** Returns the number of queries that MySQL has executed, including the queries of this program. */
export async function queriesOf({ database }: Stores): Promise<number> {
  const [row] = await database.prisma.$queryRaw<{ Value: string }[]>`SHOW GLOBAL STATUS LIKE 'Questions'`;
  return Number(row?.Value);
}
