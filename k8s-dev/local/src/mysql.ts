import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { firstBytes } from "./first-bytes.ts";
import { ensureProgram } from "./install.ts";
import { LocalError } from "./local-error.ts";
import { choosePort } from "./ports.ts";
import { findProgram, run } from "./run.ts";
import { startServer } from "./server.ts";
import type { ServerHandle, ServerOptions } from "./server.ts";

export interface MysqlOptions extends ServerOptions {
  /** Made when it is not there; `confab` by default. */
  readonly database?: string;
}

// The packages without a service: nothing starts on its own, and nothing of a system-wide server is touched.
const wanted = {
  programs: ["mariadbd", "mysqld"],
  packages: ["mariadb-server-core mariadb-client-core", "mysql-server-core-8.4", "mysql-server-core-8.0"],
};
const sqlMode =
  "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

/** A real MariaDB (or MySQL, where that is what the system has), flushed at each commit; user and password are `confab`, with all rights. */
export async function startMysql(
  options: MysqlOptions,
  onProgress: (line: string) => void = () => undefined,
): Promise<ServerHandle> {
  const command = await ensureProgram(wanted, onProgress);
  const port = await choosePort(options.port);
  const database = options.database ?? "confab";
  const data = join(options.dir, "data");
  await mkdir(options.dir, { recursive: true });
  await prepareData(command, options.dir, data);
  const initFile = join(options.dir, "init.sql");
  await writeFile(initFile, initialStatements(database));
  return startServer({
    ...options,
    name: "mysql",
    url: `mysql://confab:confab@127.0.0.1:${port}/${database}?allowPublicKeyRetrieval=true`,
    port,
    command,
    args: [
      "--no-defaults",
      `--datadir=${data}`,
      `--user=${userInfo().username}`,
      "--bind-address=127.0.0.1",
      `--port=${port}`,
      // Relative to the data folder: the whole path may be longer than the 107 bytes that a socket's name can have.
      "--socket=mysql.sock",
      "--pid-file=mysql.pid",
      `--init-file=${initFile}`,
      "--skip-log-bin",
      "--skip-name-resolve",
      "--character-set-server=utf8mb4",
      "--collation-server=utf8mb4_unicode_520_ci",
      `--sql-mode=${sqlMode}`,
      "--innodb-flush-log-at-trx-commit=1",
      "--innodb-buffer-pool-size=256M",
      "--max-connections=300",
      ...(options.args ?? []),
    ],
    logFile: join(options.dir, "mysql.log"),
    startTimeoutMs: 90_000,
    // The server greets with protocol 10, and only after it has run the initial statements.
    isReady: async () => (await firstBytes(port))?.at(4) === 10,
  });
}

async function prepareData(command: string, dir: string, data: string): Promise<void> {
  if (existsSync(data)) return;
  const fresh = join(dir, "data.new");
  await rm(fresh, { recursive: true, force: true });
  const common = ["--no-defaults", `--datadir=${fresh}`, `--user=${userInfo().username}`];
  const isMariadb = (await run(command, ["--version"])).stdout.includes("MariaDB");
  const result = isMariadb
    ? await run(findProgram("mariadb-install-db", "mysql_install_db") ?? "mariadb-install-db", [
        ...common,
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        // Not to fail on a machine whose own name can't be looked up, as it is in many containers.
        "--force",
      ])
    : await run(command, [...common, "--initialize-insecure"]);
  if (result.code !== 0) {
    const log = join(dir, "prepare.log");
    await writeFile(log, result.stdout + result.stderr);
    throw new LocalError(`The data folder of MySQL could not be made in ${fresh}; ${log} says why.`);
  }
  // Under its own name only when it is whole: a start that was cut off begins again.
  await rename(fresh, data);
}

function initialStatements(database: string): string {
  const users = ["127.0.0.1", "localhost"].map(
    (host) =>
      `CREATE USER IF NOT EXISTS 'confab'@'${host}' IDENTIFIED BY 'confab';\n` +
      `GRANT ALL ON *.* TO 'confab'@'${host}' WITH GRANT OPTION;\n`,
  );
  return `CREATE DATABASE IF NOT EXISTS \`${database}\`;\n${users.join("")}`;
}
