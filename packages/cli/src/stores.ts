import type { Database, DatabaseAddress } from "@confab/database";
import {
  checkingStores,
  databaseEnvironment,
  databaseSettings,
  environment,
  expectedSettings,
  parseEnv,
  redisEnvironment,
  redisSettings,
  searchEnvironment,
  searchSettings,
  type Environment,
} from "@confab/runtime";
import type { ElasticsearchIndex } from "@confab/search";
import { z } from "zod";
import { CommandError } from "./errors.ts";
import { readLocalStack } from "./local-stack.ts";

const databaseSchema = checkingStores(z.object(databaseEnvironment));
const allSchema = checkingStores(
  z.object({
    ...redisEnvironment,
    ...databaseEnvironment,
    ...searchEnvironment,
    REDIS_KEY_PREFIX: environment.REDIS_KEY_PREFIX,
    PARTITIONS: environment.PARTITIONS,
  }),
);
const searchSchema = checkingStores(z.object(searchEnvironment));

/** The database's address: that of the services' variables, else that of this checkout's local run. */
export function databaseAddress(env: Environment): DatabaseAddress {
  return databaseSettings(parseEnv(databaseSchema, withLocalStores(env)));
}

/** Where all stores are and what Confab's keys in Redis begin with, as the services' variables say. */
export function allStores(env: Environment) {
  const variables = parseEnv(allSchema, withLocalStores(env));
  return {
    redis: redisSettings(variables),
    database: databaseSettings(variables),
    search: searchSettings(variables),
    expected: expectedSettings(variables),
    partitioning: { prefix: variables.REDIS_KEY_PREFIX, partitions: variables.PARTITIONS },
  };
}

/**
 * Opens the database for a command and closes it whatever happens. The clients of the stores are loaded only when they are
 * used, here and in the commands: they take longer to load than most commands take in all.
 */
export async function withDatabase<T>(env: Environment, work: (database: Database) => Promise<T>): Promise<T> {
  const { createDatabase } = await import("@confab/database");
  const database = createDatabase({ ...databaseAddress(env), poolSize: 4, acquireTimeoutMs: 5_000 });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** The same with Elasticsearch's index; fails with a sentence where searching is MySQL's. */
export async function withSearchIndex<T>(
  env: Environment,
  work: (stores: { database: Database; index: ElasticsearchIndex }) => Promise<T>,
): Promise<T> {
  const { backend, url, ...settings } = searchSettings(parseEnv(searchSchema, withLocalStores(env)));
  if (backend === "mysql" || url === undefined) {
    throw new CommandError(
      "usage",
      "With SEARCH_BACKEND=mysql there is no index: messages are searched where they are.",
    );
  }
  const { createElasticsearchIndex } = await import("@confab/search");
  const index = createElasticsearchIndex({ url, ...settings });
  try {
    return await withDatabase(env, (database) => work({ database, index }));
  } finally {
    await index.close();
  }
}

/** Fills in where the stores of a local run are, so that nothing has to be set after `make up`. */
export function withLocalStores(env: Environment): Environment {
  const local = readLocalStack();
  const isSet = (name: string): boolean => [env[name], env[`${name}_FILE`]].some((value) => (value ?? "") !== "");
  const filled: Record<string, string | undefined> = { ...env };
  if (!isSet("REDIS_URL") && !isSet("REDIS_SENTINELS")) filled.REDIS_URL = local?.redisUrl ?? "redis://127.0.0.1:16379";
  if (!isSet("DATABASE_URL")) {
    filled.DATABASE_URL = local?.databaseUrl ?? "mysql://confab@127.0.0.1:13306/confab";
  }
  if (!isSet("ELASTICSEARCH_URL") && !isSet("SEARCH_BACKEND")) {
    const without = local !== undefined && local.elasticsearchUrl === undefined;
    if (without) filled.SEARCH_BACKEND = "mysql";
    else filled.ELASTICSEARCH_URL = local?.elasticsearchUrl ?? "http://127.0.0.1:19200";
  }
  return filled;
}
