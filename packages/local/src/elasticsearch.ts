import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { elasticsearchHome, findElasticsearchTools } from "./elasticsearch-home.ts";
import { LocalError } from "./local-error.ts";
import { choosePort, freePort } from "./ports.ts";
import { startServer, type ServerHandle, type ServerOptions } from "./server.ts";

export interface ElasticsearchOptions extends ServerOptions {
  /** Size of the Java heap, in the format of `-Xmx`; `512m` by default. */
  readonly heap?: string;
}

const logging = `
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
`;

/**
 * Starts a real Elasticsearch node from its published server jars, without security. Requires Maven and a JDK 17 or
 * later.
 */
export async function startElasticsearch(
  options: ElasticsearchOptions,
  onProgress: (line: string) => void = () => undefined,
): Promise<ServerHandle> {
  const tools = await findElasticsearchTools();
  if (tools === undefined) {
    throw new LocalError(
      "Elasticsearch needs a JDK of 17 or later and Maven: install them, or set SEARCH_BACKEND=mysql.",
    );
  }
  const home = await elasticsearchHome(tools, onProgress);
  const port = await choosePort(options.port);
  const url = `http://127.0.0.1:${port}`;
  const config = await writeConfig(options.dir, port);
  const heap = options.heap ?? "512m";
  return startServer({
    ...options,
    name: "elasticsearch",
    url,
    port,
    command: tools.java,
    args: [
      `-Xms${heap}`,
      `-Xmx${heap}`,
      "-XX:+UseSerialGC",
      "-Djava.awt.headless=true",
      "-Dlog4j2.disable.jmx=true",
      `-Des.path.home=${home}`,
      `-Des.path.conf=${config}`,
      "-p",
      join(home, "lib"),
      "--add-modules=ALL-MODULE-PATH,jdk.net,jdk.management.agent",
      ...(options.args ?? []),
      "-cp",
      join(home, "classes"),
      "Launcher",
    ],
    logFile: join(options.dir, "elasticsearch.log"),
    startTimeoutMs: 180_000,
    isReady: () => isHealthy(url),
  });
}

async function writeConfig(dir: string, port: number): Promise<string> {
  const config = join(dir, "config");
  const data = join(dir, "data");
  for (const folder of [config, data]) await mkdir(folder, { recursive: true });
  // Elasticsearch creates files that everyone can read, so the folder itself is closed to other users.
  await chmod(dir, 0o700);
  const settings = {
    "cluster.name": "confab-local",
    "node.name": "local",
    "discovery.type": "single-node",
    "network.host": "127.0.0.1",
    "http.port": port,
    // A single node has no peers, so any port will do.
    "transport.port": await freePort(),
    "path.data": data,
    "path.logs": dir,
    // A developer's disk is often nearly full, but Elasticsearch must still accept writes.
    "cluster.routing.allocation.disk.threshold_enabled": false,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`);
  await writeFile(join(config, "elasticsearch.yml"), lines.join(""));
  await writeFile(join(config, "log4j2.properties"), logging);
  return config;
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const health = `${url}/_cluster/health?wait_for_status=yellow&timeout=1s`;
    const response = await fetch(health, { signal: AbortSignal.timeout(3000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
