import { existsSync } from "node:fs";
import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { firstBytes } from "./first-bytes.ts";
import { ensureProgram } from "./install.ts";
import { LocalError } from "./local-error.ts";
import { choosePort } from "./ports.ts";
import { findProgram, run } from "./run.ts";
import { randomPassword, secretIn } from "./secret.ts";
import { serverUser, shareFile } from "./server-user.ts";
import { startServer, type ServerHandle, type ServerOptions } from "./server.ts";

export interface MysqlOptions extends ServerOptions {
  /** Name of the database, which is created if it is missing; `confab` by default. */
  readonly database?: string;
  /**
   * Rights of the user `confab`: all rights, for tests, or only those on its own databases, `confab` and `confab_…`.
   */
  readonly rights?: "all" | "own";
}

// These packages contain no service: nothing starts by itself, and a system-wide server is not affected.
const wanted = {
  programs: ["mariadbd", "mysqld"],
  packages: ["mariadb-server-core mariadb-client-core", "mysql-server-core-8.4", "mysql-server-core-8.0"],
};
const sqlMode =
  "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

/**
 * Starts a real MariaDB, or the system's MySQL if only that is installed. The server flushes on every commit. Its URL
 * contains the password of the user `confab`, which is kept in `dir`.
 */
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
  const user = serverUser("mysql");
  const password = secretIn(join(options.dir, "password"));
  const initFile = join(options.dir, "init.sql");
  await writeFile(initFile, initialStatements(database, password, options.rights ?? "all"), { mode: 0o600 });
  shareFile(initFile, user);
  const empty = await emptyFolder(options.dir);
  return startServer({
    ...options,
    name: "mysql",
    url: `mysql://confab:${password}@127.0.0.1:${port}/${database}?allowPublicKeyRetrieval=true`,
    port,
    command,
    args: [
      "--no-defaults",
      `--datadir=${data}`,
      // The server uses this option only if this process runs as root.
      `--user=${user?.name ?? userInfo().username}`,
      "--bind-address=127.0.0.1",
      `--port=${port}`,
      // The path is relative to the data folder, because an absolute path may exceed the limit of 107 bytes for socket
      // names.
      "--socket=mysql.sock",
      "--pid-file=mysql.pid",
      `--init-file=${initFile}`,
      // Statements can read and write files only in this folder, which stays empty.
      `--secure-file-priv=${empty}`,
      "--local-infile=0",
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
    user,
    data,
    logFile: join(options.dir, "mysql.log"),
    startTimeoutMs: 90_000,
    // Once the server has run the initial statements, it greets clients with protocol version 10.
    isReady: async () => (await firstBytes(port))?.at(4) === 10,
  });
}

/**
 * Maximum number of attempts to create the data folder: mariadb-install-db sometimes fails if it runs twice at once.
 */
const prepareAttempts = 3;

async function prepareData(command: string, dir: string, data: string): Promise<void> {
  if (existsSync(data)) return;
  const fresh = join(dir, "data.new");
  const common = ["--no-defaults", `--datadir=${fresh}`, `--user=${userInfo().username}`];
  const isMariadb = (await run(command, ["--version"])).stdout.includes("MariaDB");
  const prepare = async () => {
    await rm(fresh, { recursive: true, force: true });
    if (!isMariadb) return run(command, [...common, "--initialize-insecure"]);
    return run(findProgram("mariadb-install-db", "mysql_install_db") ?? "mariadb-install-db", [
      ...common,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
      // Many containers cannot resolve their own host name, which would be an error without `--force`.
      "--force",
    ]);
  };
  let result = await prepare();
  for (let attempt = 1; result.code !== 0 && attempt < prepareAttempts; attempt += 1) result = await prepare();
  if (result.code !== 0) {
    const log = join(dir, "prepare.log");
    await writeFile(log, result.stdout + result.stderr);
    throw new LocalError(`The data folder of MySQL could not be created in ${fresh}; see ${log}.`);
  }
  // The folder gets its final name only when it is complete, so an interrupted start begins again.
  await rename(fresh, data);
}

/** Creates an empty folder in which no one except root can create files, not even the server. */
async function emptyFolder(dir: string): Promise<string> {
  const empty = join(dir, "empty");
  await mkdir(empty, { recursive: true });
  await chmod(empty, 0o555);
  return empty;
}

/**
 * Returns the statements that run on every start. They create the database and the user `confab`, set this user's
 * password and rights, and close the default users.
 */
function initialStatements(database: string, password: string, rights: "all" | "own"): string {
  const databases = [database, String.raw`confab\_%`].map((name) => `\`${name}\`.*`);
  const users = ["127.0.0.1", "localhost"].flatMap((host) => {
    const user = `'confab'@'${host}'`;
    return [
      `CREATE USER IF NOT EXISTS ${user} IDENTIFIED BY '${password}'`,
      `ALTER USER ${user} IDENTIFIED BY '${password}'`,
      `REVOKE ALL PRIVILEGES, GRANT OPTION FROM ${user}`,
      ...(rights === "all"
        ? [`GRANT ALL ON *.* TO ${user} WITH GRANT OPTION`]
        : databases.map((name) => `GRANT ALL ON ${name} TO ${user}`)),
    ];
  });
  // No one needs these users, because the initial statements run without a login.
  const others = [
    "DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1', ''@'localhost', ''@'127.0.0.1'",
    `ALTER USER IF EXISTS 'root'@'localhost' IDENTIFIED BY '${randomPassword()}'`,
  ];
  const statements = [`CREATE DATABASE IF NOT EXISTS \`${database}\``, ...users, ...others];
  return statements.map((statement) => `${statement};\n`).join("");
}
