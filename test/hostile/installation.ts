import { join } from "node:path";
import { migrate } from "@confab/database";
import { createTestDatabase, startMysql, startRedis, startService, uniquePrefix } from "@confab/testkit";
import { startOneAddress } from "./one-address.ts";

/** Starts all services on separate stores, without rate limits and with MySQL as search backend. */
export async function startInstallation(folder: string) {
  const redis = await startRedis({ dir: join(folder, "redis"), args: ["--maxmemory", "512mb"] });
  const mysql = await startMysql({ dir: join(folder, "mysql") });
  // The test kit uses the stores that these variables name.
  process.env.CONFAB_TEST_REDIS_URL = redis.url;
  process.env.CONFAB_TEST_DATABASE_URL = mysql.url;
  const database = await createTestDatabase();
  await migrate(database.url);
  const adminKey = uniquePrefix("admin");
  const env = {
    DATABASE_URL: database.url,
    REDIS_KEY_PREFIX: uniquePrefix("fuzz"),
    ADMIN_API_KEY: adminKey,
    SEARCH_BACKEND: "mysql",
    RATE_LIMITS: "off",
    LOG_LEVEL: "error",
  };
  const [ingest, api, worker] = await Promise.all([
    startService("ingest", env),
    startService("api", env),
    startService("worker", env),
  ]);
  const address = await startOneAddress({ ingest: ingest.url, api: api.url });
  const services = [ingest, api, worker];
  return {
    url: address.url,
    adminKey,
    /** Returns the log lines of all services, which log errors only. */
    errors: () => services.flatMap((service) => service.logs()),
    async stop(): Promise<void> {
      address.stop();
      await Promise.all(services.map((service) => service.stop()));
      await mysql.stop();
      await redis.stop();
    },
  };
}
