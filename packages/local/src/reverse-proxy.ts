import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dockerAnswers } from "./compose.ts";
import { canInstall, ensureProgram } from "./install.ts";
import { addressLimits, corsOriginsOf, hostsOf, maxStreamsOf, publicUrlOf, writeNginxConfig } from "./nginx.ts";
import { findProgram } from "./run.ts";
import { ofTheMachine, type ProductProcess } from "./services.ts";
import { paths, type Ports } from "./settings.ts";

const image = "nginx:1.28";

/**
 * Chooses the nginx in front of the services: the official image if nginx is missing, this process cannot install it
 * and a Docker engine answers; otherwise the system's nginx, installed if it is missing. Writes its configuration.
 */
export async function reverseProxy(
  env: NodeJS.ProcessEnv,
  ports: Ports,
  onProgress: (line: string) => void,
): Promise<ProductProcess> {
  const inDocker = findProgram("nginx") === undefined && !canInstall() && (await dockerAnswers());
  // On Linux, a container can share the machine's network. Elsewhere, Docker runs in a virtual machine.
  const isApart = inDocker && process.platform !== "linux";
  const services = isApart ? "host.docker.internal" : "127.0.0.1";
  // Like the stores, nginx is reachable only from this machine unless CONFAB_BIND names another address.
  const bind = env.CONFAB_BIND ?? "127.0.0.1";
  const port = ports.CONFAB_PORT;
  const args = writeNginxConfig({
    listen: `${isApart ? "0.0.0.0" : bind}:${port}`,
    ingest: `${services}:${ports.CONFAB_INGEST_PORT}`,
    api: `${services}:${ports.CONFAB_API_PORT}`,
    publicUrl: publicUrlOf(env, port),
    dir: paths.nginx,
    accessLog: join(paths.logs, "access.log"),
    limits: addressLimits(env),
    maxStreams: maxStreamsOf(env),
    corsOrigins: corsOriginsOf(env),
    hosts: hostsOf(env),
  });
  const program = inDocker
    ? { command: "docker", args: containerArguments(args, isApart ? `${bind}:${port}:${port}` : undefined) }
    : { command: await ensureProgram({ programs: ["nginx"], packages: ["nginx"] }, onProgress), args };
  const url = `http://localhost:${port}`;
  return {
    name: "nginx",
    launch: { ...program, cwd: paths.root, env: ofTheMachine(), logFile: join(paths.logs, "nginx.log") },
    settings: {
      "nginx.conf": createHash("sha256")
        .update(readFileSync(join(paths.nginx, "nginx.conf")))
        .digest("hex"),
    },
    ports: [{ port, name: "nginx", variable: "CONFAB_PORT" }],
    url,
    readyUrl: `${url}/openapi.json`,
    stopSignal: "SIGQUIT",
  };
}

/**
 * Returns the arguments of `docker run`. The Docker client stays in the foreground and forwards signals, so the
 * container ends together with it.
 */
function containerArguments(config: readonly string[], publish: string | undefined): string[] {
  const network = publish === undefined ? ["--network", "host"] : ["--publish", publish];
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const folders = [paths.nginx, paths.logs].flatMap((folder) => ["--volume", `${folder}:${folder}`]);
  return ["run", "--rm", "--init", "--user", user, ...network, ...folders, image, "nginx", ...config];
}
