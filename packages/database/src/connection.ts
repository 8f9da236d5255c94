import { isIP } from "node:net";

/** The address of the server, with the login. */
export interface DatabaseAddress {
  /**
   * `mysql://` or `mariadb://user:password@host:port/database?…`. Options of the driver may follow the `?`. With
   * `ssl=true`, the connection uses TLS and requires a certificate that Node trusts.
   */
  readonly url: string;
  /** The login, not URL-encoded. It takes precedence over the login in the URL. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** The address, the pool size and the timeouts. All times are in milliseconds. */
export interface ConnectionOptions extends DatabaseAddress {
  readonly poolSize?: number;
  /** How long a call waits for a session. While the server is unavailable, calls fail after this time. */
  readonly acquireTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  /** How long a statement waits for a lock. The time is rounded up to whole seconds. */
  readonly lockWaitMs?: number;
  /**
   * How long the server may take to answer before its session counts as lost. The default is longer than the longest
   * transaction.
   */
  readonly answerTimeoutMs?: number;
}

/**
 * Settings of every session: strict mode, UTC, and READ COMMITTED, whose inserts lock no gaps. A lock wait ends after
 * seconds instead of 50 s. NO_BACKSLASH_ESCAPES is not set: the driver supports it, but nothing here needs it.
 */
const sessionStatement =
  "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY'," +
  " time_zone = '+00:00', innodb_lock_wait_timeout = ";
const isolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

/**
 * Returns the statement that sets a session's idle timeout. The locks of a client that disappears are held until the
 * server ends its session, by default after 8 hours. A session in use is never idle for as long as this timeout.
 */
function waitAtMost(answerTimeoutMs: number): string {
  return `SET SESSION wait_timeout = ${Math.ceil(answerTimeoutMs / 1000) + 3}`;
}

/** Returns the driver's settings for a database address. */
export function connectionSettings({
  url,
  user,
  password,
  poolSize = 10,
  acquireTimeoutMs = 1_000,
  connectTimeoutMs = 1_000,
  answerTimeoutMs = 65_000,
  lockWaitMs = 5_000,
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
    // Without TLS, caching_sha2_password can encrypt the password only with the server's public key.
    ...(secure
      ? { ssl: { rejectUnauthorized: true, ...(isIP(host) === 0 && { servername: host }) } }
      : { ssl: false, allowPublicKeyRetrieval: true }),
    // Disables prepared statements, because each session would keep its own.
    prepareCacheLength: 0,
    connectionLimit: poolSize,
    minimumIdle: 1,
    acquireTimeout: acquireTimeoutMs,
    connectTimeout: connectTimeoutMs,
    socketTimeout: answerTimeoutMs,
    // During this time, the pool retries twice per second. Afterwards, it would back off to 10 s, and would therefore
    // recover up to 10 s later.
    initializationTimeout: 24 * 3_600_000,
    initSql: [
      `${sessionStatement}${Math.ceil(lockWaitMs / 1_000)}`,
      isolation,
      ...(answerTimeoutMs > 0 ? [waitAtMost(answerTimeoutMs)] : []),
    ],
  };
}

function parseAddress(url: string): URL {
  const address = URL.parse(url);
  if (address === null || !/^(mysql|mariadb):$/.test(address.protocol) || address.hostname === "") {
    throw new TypeError("A database address has the form mysql://user:password@host:port/database");
  }
  return address;
}

/**
 * Converts the flags and numbers in the query string, because the driver converts the values in a URL, but not the
 * values in an object.
 */
function typed(given: Record<string, string>): Record<string, string | number | boolean> {
  const values: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === "true" || value === "false") values[name] = value === "true";
    else values[name] = /^\d+$/.test(value) ? Number(value) : value;
  }
  return values;
}
