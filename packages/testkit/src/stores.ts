import { randomBytes } from "node:crypto";
import { createConnection } from "mariadb";

/** URLs of the stores of this test run. */
export interface TestStores {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly elasticsearchUrl: string;
}

/** Environment variables that hold the URLs: set by the caller, or else by the root hook for the stores it started. */
export const storeVariables = {
  redis: "CONFAB_TEST_REDIS_URL",
  mysql: "CONFAB_TEST_DATABASE_URL",
  elasticsearch: "CONFAB_TEST_ELASTICSEARCH_URL",
} as const;

/** The stores that the root hook started or was given; throws outside of a run with the root hook. */
export function testStores(): TestStores {
  const url = (store: keyof typeof storeVariables) => {
    const variable = storeVariables[store];
    const value = process.env[variable];
    if (value === undefined) throw new Error(`${variable} is not set: run the tests through mocha with the root hook.`);
    return value;
  };
  return {
    redisUrl: url("redis"),
    databaseUrl: url("mysql"),
    // Read when asked for: only what needs Elasticsearch fails where there is none.
    get elasticsearchUrl() {
      return url("elasticsearch");
    },
  };
}

/** False on a machine that can't run Elasticsearch, where search is served by MySQL. */
export function hasElasticsearch(): boolean {
  return process.env[storeVariables.elasticsearch] !== undefined;
}

/** A new empty database with a random name on the run's server; `drop` removes it and whatever is in it. */
export async function createTestDatabase(): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const name = `confab_test_${randomBytes(6).toString("hex")}`;
  const url = new URL(testStores().databaseUrl);
  await execute(url, `CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  return { url: own.href, drop: () => execute(url, `DROP DATABASE \`${name}\``) };
}

async function execute(url: URL, sql: string): Promise<void> {
  const connection = await createConnection({
    host: url.hostname,
    port: Number(url.port || 3306),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    allowPublicKeyRetrieval: true,
  });
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
}

/** Lower-case letters, digits and `-`, different on each call: for Redis keys and index names of one test. */
export function uniquePrefix(label = "test"): string {
  const readable = label.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return `${readable}-${randomBytes(6).toString("hex")}`;
}
