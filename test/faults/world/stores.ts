import { join } from "node:path";
import { startElasticsearch, startMysql, startRedis, type ServerHandle } from "@confab/testkit";
import { createConnection } from "mariadb";

/** The servers that outlive one run: each run has a database and an index of its own on them, and a Redis of its own. */
export interface SharedStores {
  /** As an administrator. */
  readonly mysqlUrl: string;
  /** Undefined where the server is not the suite's own, and so must not be stopped or reconfigured. */
  readonly mysql: ServerHandle | undefined;
  /** Undefined: MySQL searches. */
  readonly elasticsearchUrl: string | undefined;
  stop(): Promise<void>;
}

/** The suite's own servers, in `dir`. */
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
    async stop() {
      await Promise.all([mysql.stop(), elasticsearch?.stop()]);
    },
  };
}

/** A JVM's first requests take seconds on a busy machine: that would look like an outage to the first run. */
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

/** A Redis that one run may kill, empty and fill. */
export function startOwnRedis(dir: string, args: readonly string[] = []): Promise<ServerHandle> {
  return startRedis({ dir: join(dir, "redis"), args: ["--enable-debug-command", "local", ...args] });
}

/** Runs statements one after the other on a connection of their own, as the URL's user. */
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

/** What a driver needs of a database's URL. */
export function loginOf(url: string) {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    ...{ host: hostname, port: Number(port || 3306), database: pathname.slice(1) },
    ...{ user: decodeURIComponent(username), password: decodeURIComponent(password) },
  };
}

/** A database of its own, with a user who may do everything in it and nothing else: read-only servers refuse that one. */
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
