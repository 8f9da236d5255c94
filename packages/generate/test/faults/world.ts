import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exit } from "node:process";
import { createDatabase } from "@confab/database";
import { startElasticsearch, startMysql, startRedis } from "@confab/testkit";
import { Redis } from "ioredis";
import { startInstallation, type InstallationOptions } from "../installation.ts";
import type { FaultWorld } from "./fault.ts";
import { startLoad } from "./load.ts";

/** Starts an installation with its own stores and a light load. SIGINT and SIGTERM also end it. */
export async function startWorld(options: InstallationOptions): Promise<FaultWorld & { stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "confab-faults-"));
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop().finally(() => exit(130)));
  try {
    const mysql = await startMysql({ dir: join(folder, "mysql") });
    undo.push(() => mysql.stop());
    const shared = await startRedis({ dir: join(folder, "redis") });
    undo.push(() => shared.stop());
    const elasticsearch = await startElasticsearch({ dir: join(folder, "elasticsearch") });
    undo.push(() => elasticsearch.stop());
    process.env.CONFAB_TEST_DATABASE_URL = mysql.url;
    process.env.CONFAB_TEST_REDIS_URL = shared.url;
    process.env.CONFAB_TEST_ELASTICSEARCH_URL = elasticsearch.url;

    const installation = await startInstallation(options);
    undo.push(() => installation.stop());
    const redis = new Redis(installation.redis.url);
    undo.push(() => redis.quit());
    const database = createDatabase({ url: installation.databaseUrl });
    undo.push(() => database.close());
    const load = await startLoad(installation.ingest, installation.api);
    undo.push(() => load.stop());
    return { installation, elasticsearch, redis, database, load, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
