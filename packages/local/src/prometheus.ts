import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureProgram } from "./install.ts";
import { choosePort } from "./ports.ts";
import { startServer, type ServerHandle, type ServerOptions } from "./server.ts";

const wanted = (program: string) => ({ programs: [program], packages: ["prometheus"] });

/**
 * Returns the path of promtool, which checks Prometheus rules. Installs it if it is missing and this process may do so.
 */
export function ensurePromtool(onProgress: (line: string) => void = () => undefined): Promise<string> {
  return ensureProgram(wanted("promtool"), onProgress);
}

export interface PrometheusOptions extends ServerOptions {
  /** Text of prometheus.yml. Paths in it are relative to `dir`. */
  readonly config: string;
}

/** Starts a real Prometheus with this configuration, which it reloads on SIGHUP. */
export async function startPrometheus(
  { config, ...options }: PrometheusOptions,
  onProgress: (line: string) => void = () => undefined,
): Promise<ServerHandle> {
  const command = await ensureProgram(wanted("prometheus"), onProgress);
  const port = await choosePort(options.port);
  await mkdir(options.dir, { recursive: true });
  const configFile = join(options.dir, "prometheus.yml");
  await writeFile(configFile, config);
  const url = `http://127.0.0.1:${port}`;
  return startServer({
    ...options,
    name: "prometheus",
    url,
    port,
    command,
    args: [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(options.dir, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      ...(options.args ?? []),
    ],
    logFile: join(options.dir, "prometheus.log"),
    startTimeoutMs: 30_000,
    isReady: () =>
      fetch(`${url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
  });
}
