import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase, migrate, type Database } from "@confab/database";
import { createTestDatabase, startMysql, startRedis } from "@confab/testkit";
import { buildStick } from "./designs/build-stick.ts";

/** The things that live as long as the run. */
export interface World {
  /** A temporary folder. */
  readonly folder: string;
  readonly mysqlPid: number;
  /** The program of the Go service; undefined where Go is not installed. */
  readonly stick: string | undefined;
  close(): Promise<void>;
}

/** The stores of one measurement: an empty Redis and an empty database. */
export interface Stores {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly database: Database;
  readonly pids: { readonly redis: number; readonly mysql: number };
}

/** When Redis writes its append-only file to the disk. */
export type Fsync = "always" | "everysec";

/** Starts MySQL, flushed at each commit, and builds what must be built. */
export async function createWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "confab-bench-"));
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const stick = await buildStick(folder);
    const mysql = await startMysql({ dir: join(folder, "mysql") });
    undo.push(() => mysql.stop());
    // The test kit creates databases on the server that this variable names.
    process.env.CONFAB_TEST_DATABASE_URL = mysql.url;
    return { folder, mysqlPid: mysql.pid, stick, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Starts a Redis and creates a database, and removes both after the work. */
export async function withStores<T>(world: World, fsync: Fsync, work: (stores: Stores) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(world.folder, "redis-"));
  const redis = await startRedis({ dir, args: ["--appendfsync", fsync] });
  try {
    const own = await createTestDatabase();
    const database = createDatabase({ url: own.url });
    try {
      await migrate(own.url);
      const pids = { redis: redis.pid, mysql: world.mysqlPid };
      return await work({ redisUrl: redis.url, databaseUrl: own.url, database, pids });
    } finally {
      await database.close();
      await own.drop();
    }
  } finally {
    await redis.kill();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** All queries of MySQL until now, also those of the services and of this program. */
export async function queriesOf({ database }: Stores): Promise<number> {
  const [row] = await database.prisma.$queryRaw<{ Value: string }[]>`SHOW GLOBAL STATUS LIKE 'Questions'`;
  return Number(row?.Value);
}
