import {
  checkingStores,
  databaseSettings,
  databaseVariables,
  expectedSettings,
  parseEnv,
  processVariables,
  redisSettings,
  redisVariables,
  searchSettings,
  searchVariables,
  type Environment,
} from "@confab/config";
import type { Database, DatabaseAddress } from "@confab/database";
import type { ElasticsearchIndex } from "@confab/search";
import { z } from "zod";
import { CommandError } from "./errors.ts";
import { readLocalStack } from "./local-stack.ts";

const databaseSchema = checkingStores(z.object(databaseVariables));
const allSchema = checkingStores(
  z.object({
    ...redisVariables,
    ...databaseVariables,
    ...searchVariables,
    REDIS_KEY_PREFIX: processVariables.REDIS_KEY_PREFIX,
    PARTITIONS: processVariables.PARTITIONS,
  }),
);
const searchSchema = checkingStores(z.object(searchVariables));

/** Returns the address of the database: from the services' variables, otherwise from the local run of this checkout. */
export function databaseAddress(env: Environment): DatabaseAddress {
  return databaseSettings(parseEnv(databaseSchema, withLocalStores(env)));
}

/** Returns the settings of all stores, from the same variables as the services'. */
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

/** Returns host, port and name of the database, without user and password. */
export function databaseName({ url }: DatabaseAddress): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

/**
 * Opens the database for a command and closes it in any case. The clients of the stores are imported only where they are used,
 * here and in the commands: loading them takes longer than most commands.
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

/** Does the same with the search index. Throws a usage error if MySQL answers searches. */
export async function withSearchIndex<T>(
  env: Environment,
  work: (stores: { database: Database; index: ElasticsearchIndex }) => Promise<T>,
): Promise<T> {
  const { backend, url, ...settings } = searchSettings(parseEnv(searchSchema, withLocalStores(env)));
  if (backend === "mysql" || url === undefined) {
    throw new CommandError(
      "usage",
      "There is no search index with SEARCH_BACKEND=mysql: MySQL itself answers searches. Nothing needs to be done.",
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

const addresses = ["REDIS_URL", "REDIS_SENTINELS", "DATABASE_URL", "ELASTICSEARCH_URL"];

/**
 * Adds the stores of the local run, so that nothing has to be set after `make up`. Not if any store is named: a database of one
 * installation must never be compared with the index of another.
 */
export function withLocalStores(env: Environment): Environment {
  const isSet = (name: string): boolean => [env[name], env[`${name}_FILE`]].some((value) => (value ?? "") !== "");
  const local = addresses.some(isSet) ? undefined : readLocalStack();
  if (local === undefined) return env;
  return {
    ...env,
    REDIS_URL: local.redisUrl,
    DATABASE_URL: local.databaseUrl,
    ...(local.elasticsearchUrl === undefined
      ? { SEARCH_BACKEND: "mysql" }
      : { ELASTICSEARCH_URL: local.elasticsearchUrl }),
  };
}
