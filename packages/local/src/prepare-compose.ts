import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addressLimits, corsOriginsOf, hostsOf, maxStreamsOf, publicUrlOf, writeNginxConfig } from "./nginx.ts";
import { secretIn } from "./secret.ts";

// compose.yaml runs this before everything else: `prepare-compose.ts SECRETS PROXY` creates the stores' passwords in
// the first folder, unless they exist, and the nginx configuration in the second.

const [secrets, proxy] = process.argv.slice(2);
if (secrets === undefined || proxy === undefined) throw new Error("Usage: prepare-compose.ts SECRETS PROXY");

const passwords = { redis: secretIn(join(secrets, "redis")), mysql: secretIn(join(secrets, "mysql")) };
writeFileSync(join(secrets, "redis.conf"), `requirepass ${passwords.redis}\n`);
// The files are readable for all users, because the programs that read them run as different users. No other container
// mounts the volume.
for (const name of ["redis", "mysql", "redis.conf"]) chmodSync(join(secrets, name), 0o444);

writeNginxConfig({
  listen: "0.0.0.0:8080",
  ingest: "ingest:8081",
  api: "api:8082",
  publicUrl: publicUrlOf(process.env, 8080),
  dir: proxy,
  accessLog: "/dev/stdout",
  limits: addressLimits(process.env),
  maxStreams: maxStreamsOf(process.env),
  corsOrigins: corsOriginsOf(process.env),
  hosts: hostsOf(process.env),
  user: "nginx",
});
