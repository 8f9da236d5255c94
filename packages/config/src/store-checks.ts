import type { z } from "zod";

type StoreVariables = Partial<{
  REDIS_URL: string | undefined;
  REDIS_CLUSTER: boolean;
  REDIS_USERNAME: string | undefined;
  REDIS_PASSWORD: string | undefined;
  REDIS_SENTINELS: string | undefined;
  REDIS_MASTER_NAME: string;
  DATABASE_URL: string;
  DATABASE_USERNAME: string | undefined;
  DATABASE_PASSWORD: string | undefined;
  SEARCH_BACKEND: string;
  ELASTICSEARCH_URL: string | undefined;
  ELASTICSEARCH_USERNAME: string | undefined;
  ELASTICSEARCH_PASSWORD: string | undefined;
  ELASTICSEARCH_API_KEY: string | undefined;
}>;
type Problems = Partial<Record<keyof StoreVariables, string | undefined | false>>;

/**
 * Adds a check across the variables of those stores that the schema includes. Each problem says what to do, and is
 * reported even if another variable is malformed.
 */
export function checkingStores<Schema extends z.ZodObject>(schema: Schema): Schema {
  return schema.superRefine(
    (config, context) => {
      checkStores(config, context, schema.shape);
    },
    { when: () => true },
  );
}

function checkStores(config: StoreVariables, context: z.core.$RefinementCtx, known: object): void {
  const problems = {
    ...("REDIS_SENTINELS" in known && redisProblems(config)),
    ...databaseProblems(config),
    ...searchProblems(config),
  };
  for (const [name, message] of Object.entries(problems)) {
    if (message !== undefined && message !== false) context.addIssue({ code: "custom", path: [name], message });
  }
}

function redisProblems(config: StoreVariables): Problems {
  const { REDIS_URL: url, REDIS_SENTINELS: sentinels } = config;
  const cluster = config.REDIS_CLUSTER === true;
  if (sentinels !== undefined) {
    return {
      REDIS_SENTINELS: url !== undefined && "is set together with REDIS_URL; set only one of them",
      REDIS_CLUSTER:
        cluster && "is on together with REDIS_SENTINELS, but a cluster has no Sentinels; set only one of them",
      REDIS_USERNAME:
        isPasswordMissing(config.REDIS_USERNAME, config.REDIS_PASSWORD, []) && isSetWithout("REDIS_PASSWORD"),
    };
  }
  if (url === undefined) {
    return { REDIS_URL: "is not set; set it to the URL of Redis, or set REDIS_SENTINELS if Sentinels know the master" };
  }
  const urls = parsed(url);
  const mixed = new Set(urls.map(({ protocol }) => protocol)).size > 1;
  const several = urls.length > 1 && !cluster;
  const numbered = cluster && urls.some(({ pathname }) => !["", "/", "/0"].includes(pathname));
  return {
    REDIS_URL: several
      ? "names several servers; set REDIS_CLUSTER=on if they are nodes of a cluster, otherwise name one server"
      : mixed
        ? "mixes redis:// and rediss://; use TLS for all nodes of a cluster or for none"
        : numbered && "selects a database, but a cluster has only database 0; remove everything after the port",
    REDIS_USERNAME:
      isPasswordMissing(config.REDIS_USERNAME, config.REDIS_PASSWORD, urls) && isSetWithout("REDIS_PASSWORD"),
  };
}

function databaseProblems(config: StoreVariables): Problems {
  if (config.DATABASE_URL === undefined) return {};
  const urls = parsed(config.DATABASE_URL);
  const { DATABASE_USERNAME: user, DATABASE_PASSWORD: password } = config;
  return {
    DATABASE_USERNAME: isPasswordMissing(user, password, urls) && isSetWithout("DATABASE_PASSWORD"),
    DATABASE_PASSWORD: isUserMissing(user, password, urls) && isSetWithout("DATABASE_USERNAME"),
  };
}

function searchProblems(config: StoreVariables): Problems {
  if (config.SEARCH_BACKEND !== "elasticsearch") return {};
  const {
    ELASTICSEARCH_URL: url,
    ELASTICSEARCH_USERNAME: user,
    ELASTICSEARCH_PASSWORD: password,
    ELASTICSEARCH_API_KEY: key,
  } = config;
  const urls = url === undefined ? [] : parsed(url);
  return {
    ELASTICSEARCH_URL:
      url === undefined &&
      "is not set; set it to the URL of Elasticsearch, or set SEARCH_BACKEND=mysql to search without Elasticsearch",
    ELASTICSEARCH_USERNAME: isPasswordMissing(user, password, urls) && isSetWithout("ELASTICSEARCH_PASSWORD"),
    ELASTICSEARCH_PASSWORD: isUserMissing(user, password, urls) && isSetWithout("ELASTICSEARCH_USERNAME"),
    ELASTICSEARCH_API_KEY:
      key !== undefined &&
      (user ?? password) !== undefined &&
      "is set together with a user; set either the key, or ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD",
  };
}

function isPasswordMissing(user: string | undefined, password: string | undefined, urls: readonly URL[]): boolean {
  return user !== undefined && password === undefined && urls.every((url) => url.password === "");
}

function isUserMissing(user: string | undefined, password: string | undefined, urls: readonly URL[]): boolean {
  return password !== undefined && user === undefined && urls.every((url) => url.username === "");
}

function isSetWithout(other: string): string {
  return `is set without ${other}; set both, or neither`;
}

/** Returns the valid URLs in a list. The variable's own check reports the others. */
function parsed(text: string): URL[] {
  return text.split(",").flatMap((url) => URL.parse(url.trim()) ?? []);
}
