import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureProgram } from "./install.ts";
import { choosePort } from "./ports.ts";
import { firstBytes } from "./first-bytes.ts";
import { serverUser, shareFile } from "./server-user.ts";
import { startServer, type ServerHandle, type ServerOptions } from "./server.ts";

export interface RedisOptions extends ServerOptions {
  /**
   * Password of letters, digits, `-` and `_`. Without a password, everyone who can reach the port may do everything.
   */
  readonly password?: string;
}

/**
 * Starts a real Redis that fsyncs before it answers and never evicts; `args` are redis-server options, such as
 * `--appendfsync everysec`.
 */
export async function startRedis(
  { password, ...options }: RedisOptions,
  onProgress: (line: string) => void = () => undefined,
): Promise<ServerHandle> {
  const command = await ensureProgram({ programs: ["redis-server"], packages: ["redis-server"] }, onProgress);
  const port = await choosePort(options.port);
  const user = serverUser("redis");
  const data = join(options.dir, "data");
  mkdirSync(options.dir, { recursive: true });
  const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction"];
  const login = password === undefined ? "" : `AUTH ${password}\r\n`;
  return startServer({
    ...options,
    name: "redis",
    url: `redis://${password === undefined ? "" : `:${password}@`}127.0.0.1:${port}`,
    port,
    command,
    args: [
      "--bind",
      "127.0.0.1",
      "--port",
      String(port),
      "--dir",
      data,
      ...durable,
      ...(options.args ?? []),
      ...(password === undefined ? [] : ["-"]),
    ],
    user,
    data,
    // The password must not be in the command line, which all users can read, and Redis cannot read root's folders.
    // Therefore it gets the configuration as its standard input.
    ...(password === undefined ? {} : { stdin: configuration(options.dir, password) }),
    logFile: join(options.dir, "redis.log"),
    startTimeoutMs: 30_000,
    isReady: async () => (await firstBytes(port, `${login}PING\r\n`))?.toString("latin1").includes("+PONG") === true,
  });
}

function configuration(dir: string, password: string): string {
  const file = join(dir, "redis.conf");
  writeFileSync(file, `requirepass ${password}\n`, { mode: 0o600 });
  shareFile(file, undefined);
  return file;
}
