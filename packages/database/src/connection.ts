import { isIP } from "node:net";

/** Where the server is and who asks. */
export interface DatabaseAddress {
  /**
   * `mysql://` or `mariadb://user:password@host:port/database?…`; the driver's own options may follow the `?`, of which
   * `ssl=true` asks for TLS with a certificate that Node trusts.
   */
  readonly url: string;
  /** As they are, not encoded; they win over the URL's. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** How long to wait for the server; all times in milliseconds. */
export interface ConnectionOptions extends DatabaseAddress {
  readonly poolSize?: number;
  /** How long a call waits for a session: the time in which calls fail while the server is away. */
  readonly acquireTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  /** How long a session may be silent before it counts as lost; above the longest transaction by default. */
  readonly answerTimeoutMs?: number;
}

/**
 * Every session is strict, in UTC, and READ COMMITTED, whose inserts lock no gaps; a wait for a row ends after 5 s
 * instead of 50. Not NO_BACKSLASH_ESCAPES: the driver follows it, but nothing here needs it.
 */
const SESSION =
  "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY'," +
  " time_zone = '+00:00', innodb_lock_wait_timeout = 5";
const ISOLATION = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

/**
 * A client that vanished keeps its locks until the server misses it: after 8 hours, unless told otherwise. A session that this
 * side still uses is never idle for so long.
 */
function waitAtMost(answerTimeoutMs: number): string {
  return `SET SESSION wait_timeout = ${Math.ceil(answerTimeoutMs / 1000) + 3}`;
}

/** The driver's settings for a database address. */
export function connectionSettings({
  url,
  user,
  password,
  poolSize = 10,
  acquireTimeoutMs = 1_000,
  connectTimeoutMs = 1_000,
  answerTimeoutMs = 65_000,
}: ConnectionOptions) {
  const address = parseAddress(url);
  const given = Object.fromEntries(address.searchParams);
  const host = decodeURIComponent(address.hostname.replace(/^\[|\]$/g, ""));
  const secure = given.ssl !== undefined && given.ssl !== "false";
  return {
    ...typed(given),
    host,
    port: Number(address.port || 3306),
    user: user ?? decodeURIComponent(address.username),
    password: password ?? decodeURIComponent(address.password),
    database: decodeURIComponent(address.pathname.slice(1)),
    // Without TLS the server's key is all that caching_sha2_password can encrypt the password with.
    ...(secure
      ? { ssl: { rejectUnauthorized: true, ...(isIP(host) === 0 && { servername: host }) } }
      : { ssl: false, allowPublicKeyRetrieval: true }),
    connectionLimit: poolSize,
    minimumIdle: 1,
    acquireTimeout: acquireTimeoutMs,
    connectTimeout: connectTimeoutMs,
    socketTimeout: answerTimeoutMs,
    // While this lasts the pool retries twice a second; afterwards it backs off, up to 10 s, and recovers as late.
    initializationTimeout: 24 * 3_600_000,
    initSql: [SESSION, ISOLATION, ...(answerTimeoutMs > 0 ? [waitAtMost(answerTimeoutMs)] : [])],
  };
}

function parseAddress(url: string): URL {
  const address = URL.parse(url);
  if (address === null || !/^(mysql|mariadb):$/.test(address.protocol) || address.hostname === "") {
    throw new TypeError("A database address has the form mysql://user:password@host:port/database");
  }
  return address;
}

/** The driver takes an object's values as they are, so flags and numbers of the query string need their types. */
function typed(given: Record<string, string>): Record<string, string | number | boolean> {
  const values: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === "true" || value === "false") values[name] = value === "true";
    else values[name] = /^\d+$/.test(value) ? Number(value) : value;
  }
  return values;
}
