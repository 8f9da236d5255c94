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
 * Adds checks across the variables of the stores to a schema, which may have the variables of any of them. Each error says what to do.
 * Other problems do not hide these errors.
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
      REDIS_SENTINELS: url !== undefined && "is set beside REDIS_URL; set the one or the other",
      REDIS_CLUSTER: cluster && "is on beside REDIS_SENTINELS; a cluster has no Sentinels: set one of them",
      REDIS_USERNAME: isLoginCut(config.REDIS_USERNAME, config.REDIS_PASSWORD, []) && alone("REDIS_PASSWORD"),
    };
  }
  if (url === undefined) {
    return { REDIS_URL: "is not set; give Redis' URL, or REDIS_SENTINELS where Sentinels know the master" };
  }
  const urls = parsed(url);
  const mixed = new Set(urls.map(({ protocol }) => protocol)).size > 1;
  const several = urls.length > 1 && !cluster;
  const numbered = cluster && urls.some(({ pathname }) => !["", "/", "/0"].includes(pathname));
  return {
    REDIS_URL: several
      ? "names several servers; set REDIS_CLUSTER=on if they are a cluster's nodes, else name one"
      : mixed
        ? "mixes redis:// and rediss://; a cluster's nodes all speak TLS or none does"
        : numbered && "chooses a database; a cluster has none but 0: leave out what follows the port",
    REDIS_USERNAME: isLoginCut(config.REDIS_USERNAME, config.REDIS_PASSWORD, urls) && alone("REDIS_PASSWORD"),
  };
}

function databaseProblems(config: StoreVariables): Problems {
  if (config.DATABASE_URL === undefined) return {};
  const urls = parsed(config.DATABASE_URL);
  const { DATABASE_USERNAME: user, DATABASE_PASSWORD: password } = config;
  return {
    DATABASE_USERNAME: isLoginCut(user, password, urls) && alone("DATABASE_PASSWORD"),
    DATABASE_PASSWORD: isUserMissing(user, password, urls) && alone("DATABASE_USERNAME"),
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
      url === undefined && "is not set; give Elasticsearch's URL, or set SEARCH_BACKEND=mysql to search without it",
    ELASTICSEARCH_USERNAME: isLoginCut(user, password, urls) && alone("ELASTICSEARCH_PASSWORD"),
    ELASTICSEARCH_PASSWORD: isUserMissing(user, password, urls) && alone("ELASTICSEARCH_USERNAME"),
    ELASTICSEARCH_API_KEY:
      key !== undefined &&
      (user ?? password) !== undefined &&
      "is set beside a user; set either the key, or ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD",
  };
}

function isLoginCut(user: string | undefined, password: string | undefined, urls: readonly URL[]): boolean {
  return user !== undefined && password === undefined && urls.every((url) => url.password === "");
}

function isUserMissing(user: string | undefined, password: string | undefined, urls: readonly URL[]): boolean {
  return password !== undefined && user === undefined && urls.every((url) => url.username === "");
}

function alone(other: string): string {
  return `is set without ${other}; set both, or neither`;
}

/** Only those that are URLs: the variable's own check reports the others. */
function parsed(text: string): URL[] {
  return text.split(",").flatMap((url) => URL.parse(url.trim()) ?? []);
}
