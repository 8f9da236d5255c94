import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ensureProgram } from "./install.ts";
import { choosePort } from "./ports.ts";
import { firstBytes } from "./first-bytes.ts";
import { startServer } from "./server.ts";
import type { ServerHandle, ServerOptions } from "./server.ts";

/** A real Redis that fsyncs before it answers and never evicts; `args` are redis-server options, such as `--appendfsync everysec`. */
export async function startRedis(
  options: ServerOptions,
  onProgress: (line: string) => void = () => undefined,
): Promise<ServerHandle> {
  const command = await ensureProgram({ programs: ["redis-server"], packages: ["redis-server"] }, onProgress);
  const port = await choosePort(options.port);
  const data = join(options.dir, "data");
  await mkdir(data, { recursive: true });
  const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction"];
  return startServer({
    ...options,
    name: "redis",
    url: `redis://127.0.0.1:${port}`,
    port,
    command,
    args: ["--bind", "127.0.0.1", "--port", String(port), "--dir", data, ...durable, ...(options.args ?? [])],
    logFile: join(options.dir, "redis.log"),
    startTimeoutMs: 30_000,
    isReady: async () => (await firstBytes(port, "PING\r\n"))?.toString("latin1").startsWith("+PONG") === true,
  });
}
