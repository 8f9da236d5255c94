import type { RedisOptions, SentinelConnectionOptions } from "ioredis";

/** The address of Redis, with the login. */
export interface RedisAddress {
  /**
   * `redis://user:password@host:port/database`, or `rediss://…` for TLS. For a cluster, the addresses of some of its
   * nodes, separated by commas.
   */
  readonly url: string;
  /**
   * If set, the URL contains the addresses of Sentinels, which know the master. The URL's login and scheme apply to the
   * master.
   */
  readonly sentinel?: SentinelAddress | undefined;
  readonly cluster?: boolean | undefined;
  /** The login, not URL-encoded. It takes precedence over the login in the URL. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** The Sentinels' name for the master, and the login for the Sentinels. The Sentinels use TLS if the master does. */
export interface SentinelAddress {
  readonly masterName: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

type Login = Pick<RedisOptions, "username" | "password" | "tls">;
type Server = Login & Pick<RedisOptions, "host" | "port" | "db">;

/** Returns the connection options for a single server. */
export function addressOptions(address: RedisAddress): Server {
  const url = new URL(address.url);
  const database = Number(url.pathname.slice(1));
  return { ...hostOf(url), ...loginOf(address, url), ...(Number.isInteger(database) && { db: database }) };
}

/** Returns the options for finding and reaching a master through its Sentinels. */
export function sentinelOptions(address: RedisAddress, { masterName, username, password }: SentinelAddress) {
  const scheme = /^rediss?:\/\//.exec(address.url)?.[0] ?? "redis://";
  const urls = address.url
    .slice(scheme.length)
    .split(",")
    .map((server) => new URL(scheme + server.trim()));
  const login = loginOf(address, urls[0]!);
  return {
    ...login,
    name: masterName,
    sentinels: urls.map((url) => hostOf(url, 26_379)),
    ...(username !== undefined && { sentinelUsername: username }),
    ...(password !== undefined && { sentinelPassword: password }),
    ...(login.tls && { sentinelTLS: {}, enableTLSForSentinelMode: true }),
  } satisfies SentinelConnectionOptions;
}

/**
 * Returns the nodes of a cluster, and one login for all of them, because nodes that are discovered later have no URL.
 */
export function clusterNodes(address: RedisAddress): { nodes: { host: string; port: number }[]; login: Login } {
  const urls = address.url.split(",").map((url) => new URL(url.trim()));
  return {
    nodes: urls.map((url) => hostOf(url)),
    login: loginOf(address, urls.find(({ password }) => password !== "") ?? urls[0]!),
  };
}

function hostOf({ hostname, port }: URL, defaultPort = 6379): { host: string; port: number } {
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || defaultPort) };
}

function loginOf({ username, password }: RedisAddress, url: URL): Login {
  const user = username ?? decodeURIComponent(url.username);
  const secret = password ?? decodeURIComponent(url.password);
  return {
    ...(user !== "" && { username: user }),
    ...(secret !== "" && { password: secret }),
    ...(url.protocol === "rediss:" && { tls: {} }),
  };
}
