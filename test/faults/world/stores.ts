import { join } from "node:path";
import { startElasticsearch, startMysql, startRedis, type ServerHandle } from "@confab/testkit";
import { createConnection } from "mariadb";

/** The servers that several runs share. Each run has its own database and index on them, and its own Redis. */
export interface SharedStores {
  /** URL of MySQL with the login of an administrator. */
  readonly mysqlUrl: string;
  /** The server; undefined if the suite did not start it and therefore must not stop or reconfigure it. */
  readonly mysql: ServerHandle | undefined;
  /** URL of Elasticsearch; undefined if MySQL is the search backend. */
  readonly elasticsearchUrl: string | undefined;
  /** The server; undefined if MySQL is the search backend, or if the suite did not start the server. */
  readonly elasticsearch: ServerHandle | undefined;
  stop(): Promise<void>;
}

/** Starts the suite's own servers in `dir`. */
export async function startSharedStores(dir: string, search: boolean): Promise<SharedStores> {
  const [mysql, elasticsearch] = await Promise.all([
    startMysql({ dir: join(dir, "mysql") }),
    search ? startElasticsearch({ dir: join(dir, "elasticsearch") }) : undefined,
  ]);
  if (elasticsearch !== undefined) await warmUp(elasticsearch.url);
  return {
    mysqlUrl: mysql.url,
    mysql,
    elasticsearchUrl: elasticsearch?.url,
    elasticsearch,
    async stop() {
      await Promise.all([mysql.stop(), elasticsearch?.stop()]);
    },
  };
}

/** The first requests to a JVM take seconds on a busy machine. Without a warm-up they would look like an outage. */
async function warmUp(url: string): Promise<void> {
  const send = async (path: string, method: string, body: string, type = "application/json") => {
    const answer = await fetch(`${url}/${path}`, { method, headers: { "content-type": type }, body });
    await answer.arrayBuffer();
  };
  const grams = { analysis: { tokenizer: { g: { type: "ngram", min_gram: 3, max_gram: 3 } } } };
  const analysis = { ...grams.analysis, analyzer: { g: { type: "custom", tokenizer: "g" } } };
  const mappings = { properties: { text: { type: "text", analyzer: "g" } } };
  await send("warm-up", "PUT", JSON.stringify({ settings: { analysis }, mappings }));
  for (let round = 0; round < 20; round += 1) {
    const lines = Array.from({ length: 100 }, (_, at) => `{"index":{}}\n{"text":"warm ${round} ${at} up"}\n`);
    await send("warm-up/_bulk?refresh=true", "POST", lines.join(""), "application/x-ndjson");
    await send("warm-up/_search", "POST", JSON.stringify({ query: { match_phrase: { text: `${round} 7` } } }));
  }
  await send("warm-up", "DELETE", "");
}

/** Starts a separate Redis that one run may kill, empty and fill. */
export function startOwnRedis(dir: string, args: readonly string[] = []): Promise<ServerHandle> {
  return startRedis({ dir: join(dir, "redis"), args: ["--enable-debug-command", "local", ...args] });
}

/** Runs statements in order on a new connection as the URL's user. Resolves with the rows of the last statement. */
export async function execute<Row = unknown>(url: string, ...statements: readonly string[]): Promise<Row[]> {
  const connection = await createConnection({ ...loginOf(url), allowPublicKeyRetrieval: true, bigIntAsNumber: true });
  try {
    let rows: Row[] = [];
    for (const statement of statements) rows = await connection.query<Row[]>(statement);
    return rows;
  } finally {
    await connection.end();
  }
}

/** Splits a database URL into the driver's connection settings. */
export function loginOf(url: string) {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname,
    port: Number(port || 3306),
    database: pathname.slice(1),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
}

/**
 * Creates a database with a user who has all rights in it and no others, so that a read-only server refuses the user's
 * writes.
 */
export async function createOwnDatabase(
  { mysqlUrl }: Pick<SharedStores, "mysqlUrl">,
  name: string,
): Promise<{ readonly adminUrl: string; readonly url: string; drop(): Promise<void> }> {
  const user = name.slice(0, 30);
  const grants = ["127.0.0.1", "localhost", "%"].flatMap((host) => [
    `CREATE USER IF NOT EXISTS '${user}'@'${host}' IDENTIFIED BY '${user}'`,
    `GRANT ALL ON \`${name}\`.* TO '${user}'@'${host}'`,
  ]);
  await execute(
    mysqlUrl,
    `CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci`,
    ...grants,
  );
  const admin = new URL(mysqlUrl);
  admin.pathname = `/${name}`;
  const own = new URL(admin);
  own.username = user;
  own.password = user;
  return {
    adminUrl: admin.href,
    url: own.href,
    async drop() {
      const drops = ["127.0.0.1", "localhost", "%"].map((host) => `DROP USER IF EXISTS '${user}'@'${host}'`);
      await execute(mysqlUrl, `DROP DATABASE IF EXISTS \`${name}\``, ...drops);
    },
  };
}
