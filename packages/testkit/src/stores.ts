import { randomBytes } from "node:crypto";
import { createConnection } from "mariadb";

/** URLs of the stores of this test run. */
export interface TestStores {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly elasticsearchUrl: string;
}

/**
 * Names of the environment variables for the URLs. The caller sets them, or the root hook does for the stores that it
 * starts.
 */
export const storeVariables = {
  redis: "CONFAB_TEST_REDIS_URL",
  mysql: "CONFAB_TEST_DATABASE_URL",
  elasticsearch: "CONFAB_TEST_ELASTICSEARCH_URL",
} as const;

/** Returns the stores of the test run. Reading a URL throws if its variable is not set. */
export function testStores(): TestStores {
  const url = (store: keyof typeof storeVariables) => {
    const variable = storeVariables[store];
    const value = process.env[variable];
    if (value === undefined)
      throw new Error(
        `${variable} is not set. Run the tests with mocha and --require packages/testkit/src/root-hook.ts.`,
      );
    return value;
  };
  return {
    // These are getters, so that only tests that need a missing store fail.
    get redisUrl() {
      return url("redis");
    },
    get databaseUrl() {
      return url("mysql");
    },
    get elasticsearchUrl() {
      return url("elasticsearch");
    },
  };
}

/** Returns whether Elasticsearch is available. On a machine that cannot run it, MySQL is the search backend. */
export function hasElasticsearch(): boolean {
  return process.env[storeVariables.elasticsearch] !== undefined;
}

/**
 * Creates an empty database with a random name on the MySQL server of the test run. `drop` removes the database with
 * its contents.
 */
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

/**
 * Returns a new prefix on each call, for the Redis keys and index names of one test. It consists of lower-case letters,
 * digits and `-`.
 */
export function uniquePrefix(label = "test"): string {
  const readable = label.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return `${readable}-${randomBytes(6).toString("hex")}`;
}
