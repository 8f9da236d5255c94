import type { RedisOptions } from "ioredis";

/** Where Redis is and who asks. */
export interface RedisAddress {
  /** `redis://` or, for TLS, `rediss://user:password@host:port/database`; of a cluster some nodes, separated by commas. */
  readonly url: string;
  readonly cluster?: boolean | undefined;
  /** As they are, not encoded; they win over the URL's. */
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

/** A cluster's nodes, and how to log in to any of them: nodes that are found later have no URL of their own. */
export function clusterNodes(address: RedisAddress): { nodes: { host: string; port: number }[]; login: Login } {
  const urls = address.url.split(",").map((url) => new URL(url.trim()));
  return {
    nodes: urls.map(placeOf),
    login: loginOf(address, urls.find(({ password }) => password !== "") ?? urls[0]!),
  };
}

function placeOf({ hostname, port }: URL): { host: string; port: number } {
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 6379) };
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
