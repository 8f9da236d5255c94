import { join } from "node:path";
import { dockerAnswers } from "./compose.ts";
import { canInstall, ensureProgram } from "./install.ts";
import { addressLimits, hostsOf, writeNginxConfig } from "./nginx.ts";
import { findProgram } from "./run.ts";
import type { ProductProcess } from "./services.ts";
import { paths } from "./settings.ts";
import type { Ports } from "./settings.ts";

const image = "nginx:1.28";

/**
 * nginx in front of the services: the system's, installed where it is missing and can be, else the official image where
 * a Docker engine answers. Its configuration is written by this call.
 */
export async function frontDoor(
  env: NodeJS.ProcessEnv,
  ports: Ports,
  onProgress: (line: string) => void,
): Promise<ProductProcess> {
  const inDocker = findProgram("nginx") === undefined && !canInstall() && (await dockerAnswers());
  // On Linux a container can share the machine's network; elsewhere Docker runs in a machine of its own.
  const isApart = inDocker && process.platform !== "linux";
  const services = isApart ? "host.docker.internal" : "127.0.0.1";
  // Reachable from this machine alone, like the stores, unless it is asked for.
  const bind = env.CONFAB_BIND ?? "127.0.0.1";
  const port = ports.CONFAB_PORT;
  const config = writeNginxConfig({
    listen: `${isApart ? "0.0.0.0" : bind}:${port}`,
    ingest: `${services}:${ports.CONFAB_INGEST_PORT}`,
    api: `${services}:${ports.CONFAB_API_PORT}`,
    dir: paths.nginx,
    accessLog: join(paths.logs, "access.log"),
    limits: addressLimits(env),
    hosts: hostsOf(env),
  });
  const program = inDocker
    ? { command: "docker", args: containerArguments(config, isApart ? `${bind}:${port}:${port}` : undefined) }
    : { command: await ensureProgram({ programs: ["nginx"], packages: ["nginx"] }, onProgress), args: config };
  const url = `http://localhost:${port}`;
  return {
    ...program,
    name: "nginx",
    env: { PATH: env.PATH, HOME: env.HOME },
    ports: [{ port, variable: "CONFAB_PORT" }],
    url,
    readyUrl: `${url}/openapi.json`,
    stopSignal: "SIGQUIT",
  };
}

/** The client stays in the foreground and passes signals on, so that the container lives and ends with it. */
function containerArguments(config: readonly string[], publish: string | undefined): string[] {
  const network = publish === undefined ? ["--network", "host"] : ["--publish", publish];
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const folders = [paths.nginx, paths.logs].flatMap((folder) => ["--volume", `${folder}:${folder}`]);
  return ["run", "--rm", "--init", "--user", user, ...network, ...folders, image, "nginx", ...config];
}
