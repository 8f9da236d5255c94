import { z } from "zod";
import { onOff, secret, url, urls } from "./config-leaves.ts";

const name = (description: string) => z.string().optional().describe(description);
const password = (description: string) => secret().optional().describe(description);

/** Redis' variables. */
export const redisEnvironment = {
  REDIS_URL: urls({ schemes: ["redis", "rediss"] })
    .meta({ secret: true })
    .describe(
      "Redis: numbering, pending messages and queues; rediss:// asks for TLS; of a cluster some nodes, the others are found",
    ),
  REDIS_CLUSTER: onOff().default(false).describe("Whether REDIS_URL is a Redis Cluster"),
  REDIS_USERNAME: name("Redis' user; wins over REDIS_URL's"),
  REDIS_PASSWORD: password("Redis' password, not encoded in any way; wins over REDIS_URL's"),
};

/** The database's variables. */
export const databaseEnvironment = {
  DATABASE_URL: url({ schemes: ["mysql", "mariadb"] })
    .meta({ secret: true })
    .describe("MySQL or MariaDB with the database's name, mysql://host:3306/name; ?ssl=true after it asks for TLS"),
  DATABASE_USER: name("The database's user; wins over DATABASE_URL's"),
  DATABASE_PASSWORD: password("The database's password, not encoded in any way; wins over DATABASE_URL's"),
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
  return {
    url: variables.REDIS_URL,
    cluster: variables.REDIS_CLUSTER,
    username: variables.REDIS_USERNAME,
    password: variables.REDIS_PASSWORD,
  };
}

/** What the database's clients need of the variables. */
export function databaseSettings(variables: Variables<typeof databaseEnvironment>) {
  return {
    url: variables.DATABASE_URL,
    user: variables.DATABASE_USER,
    password: variables.DATABASE_PASSWORD,
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
