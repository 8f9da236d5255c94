import type { PodSpec } from "./namespace.ts";

/** The image under test. By default, it is an image that was loaded into a local cluster. */
export const image = process.env.CONFAB_IMAGE ?? "confab:0.1.0";

export const services = ["ingest", "api", "worker"] as const;
export type Service = (typeof services)[number];

export const confabctl = "packages/cli/dist/src/main.js";
const adminPorts = { ingest: 9081, api: 9082, worker: 9083 };

export function servicePod(service: Service, env: Readonly<Record<string, string>>): PodSpec {
  return {
    name: service,
    image,
    args: [`services/${service}/dist/src/main.js`],
    env,
    ready: { httpGet: { path: "/readyz", port: adminPorts[service] }, periodSeconds: 1 },
  };
}

const password = "not-secret";

export const redis: PodSpec = {
  name: "redis",
  image: process.env.CONFAB_REDIS_IMAGE ?? "redis:7",
  args: ["redis-server", "--requirepass", password, "--appendonly", "yes", "--maxmemory-policy", "noeviction"],
  user: 999,
  writable: ["/data"],
  ready: { tcpSocket: { port: 6379 }, periodSeconds: 1 },
};

export const mysql: PodSpec = {
  name: "mysql",
  image: process.env.CONFAB_MYSQL_IMAGE ?? "mysql:8.4",
  args: ["--innodb-buffer-pool-size=64M", "--performance-schema=OFF", "--mysqlx=OFF"],
  env: { MYSQL_RANDOM_ROOT_PASSWORD: "yes", MYSQL_DATABASE: "confab", MYSQL_USER: "confab", MYSQL_PASSWORD: password },
  user: 999,
  writable: ["/var/lib/mysql", "/var/run/mysqld", "/tmp"],
  // While the server initialises its data directory, it listens only on a Unix socket.
  ready: { tcpSocket: { port: 3306 }, periodSeconds: 1 },
};

/** Returns the store variables of a service, with MySQL as search backend. */
export function storeVariables(addresses: { redis: string; mysql: string }): Record<string, string> {
  return {
    REDIS_URL: `redis://:${password}@${addresses.redis}:6379`,
    DATABASE_URL: `mysql://confab:${password}@${addresses.mysql}:3306/confab?allowPublicKeyRetrieval=true`,
    SEARCH_BACKEND: "mysql",
  };
}
