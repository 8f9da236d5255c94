import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase, migrate } from "@confab/database";
import { createTestDatabase, startMysql, startRedis } from "@confab/testkit";
import { Redis } from "ioredis";
import type { Database } from "@confab/database";

/** The stores of one run. */
export interface World {
  readonly redisUrl: string;
  /** A database that only this run uses. */
  readonly databaseUrl: string;
  readonly database: Database;
  /** The servers that this run started; undefined for a server that the user named. */
  readonly pids: { readonly redis: number | undefined; readonly mysql: number | undefined };
  readonly versions: { readonly redis: string; readonly appendfsync: string; readonly mysql: string };
  /** Removes every Redis key that begins with the prefix. */
  forget(prefix: string): Promise<void>;
  /** Drops the database and stops the servers that this run started. */
  close(): Promise<void>;
}

/** Creates a database and starts the stores that REDIS_URL and DATABASE_URL do not name, in a temporary folder. */
export async function createWorld(env: NodeJS.ProcessEnv): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "confab-bench-"));
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const ownRedis = env.REDIS_URL ? undefined : await startRedis({ dir: join(folder, "redis") });
    if (ownRedis) undo.push(() => ownRedis.stop());
    const ownMysql = env.DATABASE_URL ? undefined : await startMysql({ dir: join(folder, "mysql") });
    if (ownMysql) undo.push(() => ownMysql.stop());

    const redisUrl = ownRedis?.url ?? env.REDIS_URL ?? "";
    // The test kit starts services and creates databases on the stores that these variables name.
    env.CONFAB_TEST_REDIS_URL = redisUrl;
    env.CONFAB_TEST_DATABASE_URL = ownMysql?.url ?? env.DATABASE_URL;
    const own = await createTestDatabase();
    undo.push(() => own.drop());
    await migrate(own.url);
    const database = createDatabase({ url: own.url });
    undo.push(() => database.close());
    const redis = new Redis(redisUrl);
    undo.push(() => redis.quit());

    return {
      redisUrl,
      databaseUrl: own.url,
      database,
      pids: { redis: ownRedis?.pid, mysql: ownMysql?.pid },
      versions: await readVersions(redis, database),
      forget: (prefix) => forget(redis, prefix),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readVersions(redis: Redis, { prisma }: Database): Promise<World["versions"]> {
  const info = await redis.info("server");
  const [, appendfsync] = await redis.config("GET", "appendfsync").catch((): string[] => []);
  const [row] = await prisma.$queryRaw<{ version: string }[]>`SELECT VERSION() AS version`;
  return {
    redis: /^redis_version:(\S+)/m.exec(info)?.[1] ?? "unknown",
    appendfsync: appendfsync ?? "unknown",
    mysql: row?.version ?? "unknown",
  };
}

async function forget(redis: Redis, prefix: string): Promise<void> {
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", `${prefix}*`, "COUNT", 1000);
    if (keys.length > 0) await redis.unlink(...keys);
    cursor = next;
  } while (cursor !== "0");
}
