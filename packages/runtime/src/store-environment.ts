import { z } from "zod";
import { hosts, integer, onOff, secret, url, urls } from "./config-leaves.ts";

const name = (description: string) => z.string().optional().describe(description);
const password = (description: string) => secret().optional().describe(description);

/** Redis' variables. */
export const redisEnvironment = {
  REDIS_URL: urls({ schemes: ["redis", "rediss"] })
    .meta({ secret: true })
    .optional()
    .describe(
      "Redis: numbering, pending messages and queues; rediss:// asks for TLS; of a cluster some nodes, the others are found. Needed without REDIS_SENTINELS",
    ),
  REDIS_CLUSTER: onOff().default(false).describe("Whether REDIS_URL is a Redis Cluster"),
  REDIS_USERNAME: name("Redis' user; wins over REDIS_URL's"),
  REDIS_PASSWORD: password("Redis' password, not encoded in any way; wins over REDIS_URL's"),
  REDIS_SENTINELS: hosts()
    .optional()
    .describe("Sentinels that know which server is the master, in place of REDIS_URL; port 26379 where none is given"),
  REDIS_MASTER_NAME: z.string().min(1).default("mymaster").describe("What the Sentinels call the master"),
  REDIS_SENTINEL_USERNAME: name("The Sentinels' own user"),
  REDIS_SENTINEL_PASSWORD: password("The Sentinels' own password"),
  REDIS_TLS: onOff()
    .default(false)
    .describe(
      "Whether the Sentinels and the servers that they name are spoken to with TLS; with REDIS_URL its scheme says so",
    ),
  REDIS_DURABILITY: z
    .enum(["always", "everysec", "no"])
    .default("always")
    .describe("The appendfsync policy that Redis is expected to have; a weaker one is warned about"),
  REDIS_MIN_REPLICAS: integer({ min: 0, max: 10 })
    .default(0)
    .describe(
      "Redis' replicas that must have a message before it is acknowledged, shown or stored; with 0 a failover may lose acknowledged messages",
    ),
};

/** The database's variables. */
export const databaseEnvironment = {
  DATABASE_URL: url({ schemes: ["mysql", "mariadb"] })
    .meta({ secret: true })
    .describe("MySQL or MariaDB with the database's name, mysql://host:3306/name; ?ssl=true after it asks for TLS"),
  DATABASE_USERNAME: name("The database's user; wins over DATABASE_URL's"),
  DATABASE_PASSWORD: password("The database's password, not encoded in any way; wins over DATABASE_URL's"),
  DATABASE_SINGLE_WRITER: onOff()
    .default(false)
    .describe(
      "Whether all writes go to one and the same server of a Galera cluster or of a group with several primaries; with off Confab refuses to store in one, since it loses committed messages",
    ),
};

/** The variables of what searches. */
export const searchEnvironment = {
  SEARCH_BACKEND: z
    .enum(["elasticsearch", "mysql"])
    .default("elasticsearch")
    .describe("What searches: Elasticsearch, or MySQL for small data"),
  ELASTICSEARCH_URL: urls({ schemes: ["http", "https"] })
    .meta({ secret: true })
    .optional()
    .describe("Elasticsearch; needed with SEARCH_BACKEND=elasticsearch"),
  ELASTICSEARCH_USERNAME: name("Elasticsearch's user; wins over ELASTICSEARCH_URL's"),
  ELASTICSEARCH_PASSWORD: password("Elasticsearch's password, not encoded in any way; wins over ELASTICSEARCH_URL's"),
  ELASTICSEARCH_API_KEY: password("Elasticsearch's API key, encoded as Elasticsearch gives it; instead of a user"),
  SEARCH_INDEX: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,127}$/)
    .default("confab-messages")
    .meta({ form: "lower case letters, digits, '.', '_' or '-'" })
    .describe("The name of the search index's alias"),
};

type Variables<Shape extends z.ZodRawShape> = z.output<z.ZodObject<Shape>>;

/** What Redis' connections need of the variables. */
export function redisSettings(variables: Variables<typeof redisEnvironment>) {
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

/** What the database's clients need of the variables. */
export function databaseSettings(variables: Variables<typeof databaseEnvironment>) {
  return {
    url: variables.DATABASE_URL,
    user: variables.DATABASE_USERNAME,
    password: variables.DATABASE_PASSWORD,
  };
}

/** What the operator says of the stores, for the check of their settings. */
export function expectedSettings(variables: Variables<typeof redisEnvironment & typeof databaseEnvironment>) {
  return {
    redis: { durability: variables.REDIS_DURABILITY, minReplicas: variables.REDIS_MIN_REPLICAS },
    database: { singleWriter: variables.DATABASE_SINGLE_WRITER },
  };
}

/** What the search index needs of the variables. */
export function searchSettings(variables: Variables<typeof searchEnvironment>) {
  return {
    backend: variables.SEARCH_BACKEND,
    url: variables.ELASTICSEARCH_URL,
    username: variables.ELASTICSEARCH_USERNAME,
    password: variables.ELASTICSEARCH_PASSWORD,
    apiKey: variables.ELASTICSEARCH_API_KEY,
    name: variables.SEARCH_INDEX,
  };
}
