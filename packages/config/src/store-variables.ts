import { z } from "zod";
import { hosts, integer, onOff, secret, url, urls } from "./leaves.ts";

const name = (description: string) => z.string().optional().describe(description);
const password = (description: string) => secret().optional().describe(description);

/** Environment variables for connections to Redis. */
export const redisVariables = {
  REDIS_URL: urls({ schemes: ["redis", "rediss"] })
    .meta({ secret: true })
    .optional()
    .describe(
      "Redis, which numbers messages and holds pending messages and queues. rediss:// turns TLS on. For a cluster, name some of its nodes: the others are found. Required unless REDIS_SENTINELS is set",
    ),
  REDIS_CLUSTER: onOff().prefault("off").describe("Whether REDIS_URL is a Redis Cluster"),
  REDIS_USERNAME: name("User name for Redis. It overrides the one in REDIS_URL"),
  REDIS_PASSWORD: password("Password for Redis, without any encoding. It overrides the one in REDIS_URL"),
  REDIS_SENTINELS: hosts()
    .optional()
    .describe("Sentinels that know the Redis master. Set it instead of REDIS_URL. The default port is 26379"),
  REDIS_MASTER_NAME: z.string().min(1).prefault("mymaster").describe("Name of the master in the Sentinels"),
  REDIS_SENTINEL_USERNAME: name("User name for the Sentinels themselves"),
  REDIS_SENTINEL_PASSWORD: password("Password for the Sentinels themselves"),
  REDIS_TLS: onOff()
    .prefault("off")
    .describe(
      "Whether connections to the Sentinels and to their servers use TLS. With REDIS_URL the scheme decides instead",
    ),
  REDIS_DURABILITY: z
    .enum(["always", "everysec", "no"])
    .prefault("always")
    .describe("The appendfsync policy that you expect Redis to have. Confab warns about a weaker one"),
  REDIS_MIN_REPLICAS: integer({ min: 0, max: 10 })
    .prefault("0")
    .describe(
      "Number of Redis replicas that must have a message before Confab acknowledges, shows or stores it. With 0 a failover may lose acknowledged messages",
    ),
};

/** Environment variables for connections to the database. */
export const databaseVariables = {
  DATABASE_URL: url({ schemes: ["mysql", "mariadb"] })
    .meta({ secret: true })
    .describe(
      "MySQL or MariaDB, with the name of the database: mysql://host:3306/name. ?ssl=true at the end turns TLS on",
    ),
  DATABASE_USERNAME: name("User name for the database. It overrides the one in DATABASE_URL"),
  DATABASE_PASSWORD: password("Password for the database, without any encoding. It overrides the one in DATABASE_URL"),
  DATABASE_SINGLE_WRITER: onOff()
    .prefault("off")
    .describe(
      "Turn it on only if all writes go to the same server of a Galera cluster, or of a replication group with several primaries. While it is off Confab refuses to store messages there, because such a cluster can lose committed messages",
    ),
};

/** Variables that configure search. */
export const searchVariables = {
  SEARCH_BACKEND: z
    .enum(["elasticsearch", "mysql"])
    .prefault("elasticsearch")
    .describe("Backend of searches: Elasticsearch, or MySQL for small amounts of data"),
  ELASTICSEARCH_URL: urls({ schemes: ["http", "https"] })
    .meta({ secret: true })
    .optional()
    .describe("Elasticsearch. Required if SEARCH_BACKEND is elasticsearch"),
  ELASTICSEARCH_USERNAME: name("User name for Elasticsearch. It overrides the one in ELASTICSEARCH_URL"),
  ELASTICSEARCH_PASSWORD: password(
    "Password for Elasticsearch, without any encoding. It overrides the one in ELASTICSEARCH_URL",
  ),
  ELASTICSEARCH_API_KEY: password("API key for Elasticsearch, in its encoded form. Set it instead of a user"),
  SEARCH_INDEX: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,127}$/)
    .prefault("confab-messages")
    .meta({ form: "lower-case letters, digits, '.', '_' or '-'" })
    .describe("Alias of the search index. It must be the same in all processes"),
  SEARCH_SHARDS: integer({ min: 1, max: 1_024 })
    .prefault("1")
    .describe(
      "Number of shards of a search index that is created, also by confabctl search reindex. A shard holds 2 billion messages at most",
    ),
};

type Variables<Shape extends z.ZodRawShape> = z.output<z.ZodObject<Shape>>;

/** Returns the settings of Redis connections. */
export function redisSettings(variables: Variables<typeof redisVariables>) {
  const { REDIS_SENTINELS: sentinels, REDIS_MASTER_NAME: masterName } = variables;
  const scheme = variables.REDIS_TLS ? "rediss" : "redis";
  return {
    url: variables.REDIS_URL ?? `${scheme}://${sentinels ?? ""}`,
    cluster: variables.REDIS_CLUSTER,
    username: variables.REDIS_USERNAME,
    password: variables.REDIS_PASSWORD,
    ...(sentinels !== undefined && {
      sentinel: {
        masterName,
        username: variables.REDIS_SENTINEL_USERNAME,
        password: variables.REDIS_SENTINEL_PASSWORD,
      },
    }),
  };
}

/** Returns the settings of database connections. */
export function databaseSettings(variables: Variables<typeof databaseVariables>) {
  return {
    url: variables.DATABASE_URL,
    user: variables.DATABASE_USERNAME,
    password: variables.DATABASE_PASSWORD,
  };
}

/** Returns the operator's expectations, with which the settings of the stores are compared. */
export function expectedSettings(variables: Variables<typeof redisVariables & typeof databaseVariables>) {
  return {
    redis: { durability: variables.REDIS_DURABILITY, minReplicas: variables.REDIS_MIN_REPLICAS },
    database: { singleWriter: variables.DATABASE_SINGLE_WRITER },
  };
}

/** Returns the settings of the search index. */
export function searchSettings(variables: Variables<typeof searchVariables>) {
  return {
    backend: variables.SEARCH_BACKEND,
    url: variables.ELASTICSEARCH_URL,
    username: variables.ELASTICSEARCH_USERNAME,
    password: variables.ELASTICSEARCH_PASSWORD,
    apiKey: variables.ELASTICSEARCH_API_KEY,
    name: variables.SEARCH_INDEX,
    shards: variables.SEARCH_SHARDS,
  };
}
