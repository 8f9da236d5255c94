import type { RedisOptions, SentinelConnectionOptions } from "ioredis";

/** Where Redis is and who asks. */
export interface RedisAddress {
  /** `redis://` or, for TLS, `rediss://user:password@host:port/database`; of a cluster some nodes, separated by commas. */
  readonly url: string;
  /** Where given, the URL names Sentinels instead, which know where the master is; the URL's login and scheme are the master's. */
  readonly sentinel?: SentinelAddress | undefined;
  readonly cluster?: boolean | undefined;
  /** As they are, not encoded; they win over the URL's. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** What the Sentinels call the master, and how to log in to them; with TLS where the master has it. */
export interface SentinelAddress {
  readonly masterName: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

type Login = Pick<RedisOptions, "username" | "password" | "tls">;
type Server = Login & Pick<RedisOptions, "host" | "port" | "db">;

/** How to reach one server. */
export function addressOptions(address: RedisAddress): Server {
  const url = new URL(address.url);
  const database = Number(url.pathname.slice(1));
  return { ...placeOf(url), ...loginOf(address, url), ...(Number.isInteger(database) && { db: database }) };
}

/** How to find and reach the master that Sentinels watch. */
export function sentinelOptions(address: RedisAddress, { masterName, username, password }: SentinelAddress) {
  const scheme = /^rediss?:\/\//.exec(address.url)?.[0] ?? "redis://";
  const urls = address.url
    .slice(scheme.length)
    .split(",")
    .map((place) => new URL(scheme + place.trim()));
  const login = loginOf(address, urls[0]!);
  return {
    ...login,
    name: masterName,
    sentinels: urls.map((url) => placeOf(url, 26_379)),
    ...(username !== undefined && { sentinelUsername: username }),
    ...(password !== undefined && { sentinelPassword: password }),
    ...(login.tls && { sentinelTLS: {}, enableTLSForSentinelMode: true }),
  } satisfies SentinelConnectionOptions;
}

/** A cluster's nodes, and how to log in to any of them: nodes that are found later have no URL of their own. */
export function clusterNodes(address: RedisAddress): { nodes: { host: string; port: number }[]; login: Login } {
  const urls = address.url.split(",").map((url) => new URL(url.trim()));
  return {
    nodes: urls.map((url) => placeOf(url)),
    login: loginOf(address, urls.find(({ password }) => password !== "") ?? urls[0]!),
  };
}

function placeOf({ hostname, port }: URL, usual = 6379): { host: string; port: number } {
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || usual) };
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
