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
  /** Created if it is missing; `confab` by default. */
  readonly database?: string;
  /** The rights of user `confab`: all, for tests, or only those on its databases, `confab` and `confab_…`. */
  readonly rights?: "all" | "own";
}

// The packages without a service: nothing starts on its own, and nothing of a system-wide server is touched.
const wanted = {
  programs: ["mariadbd", "mysqld"],
  packages: ["mariadb-server-core mariadb-client-core", "mysql-server-core-8.4", "mysql-server-core-8.0"],
};
const sqlMode =
  "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

/**
 * Starts a real MariaDB, or the MySQL that the system has, flushed on every commit. Its URL has the password of user
 * `confab`, which lies in `dir`.
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
      // mysqld reads it only if this process is root.
      `--user=${user?.name ?? userInfo().username}`,
      "--bind-address=127.0.0.1",
      `--port=${port}`,
      // Relative to the data folder: a whole path may exceed the 107 bytes of a socket's name.
      "--socket=mysql.sock",
      "--pid-file=mysql.pid",
      `--init-file=${initFile}`,
      // Statements can read and write files only in this folder.
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
    // The server greets with protocol 10 after it has run the initial statements.
    isReady: async () => (await firstBytes(port))?.at(4) === 10,
  });
}

/** mariadb-install-db fails now and then if two of them run at once. */
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
      // Many containers cannot resolve their own name, which would otherwise be an error.
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
  // It gets its name when it is complete: a start that was interrupted begins again.
  await rename(fresh, data);
}

/** Nobody but root can put anything in it, not even the server. */
async function emptyFolder(dir: string): Promise<string> {
  const empty = join(dir, "empty");
  await mkdir(empty, { recursive: true });
  await chmod(empty, 0o555);
  return empty;
}

/**
 * Returns the statements that run on every start: they set the password from the file and revoke the rights that
 * earlier versions had.
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
  // Users that nobody needs: these statements run without a login.
  const others = [
    "DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1', ''@'localhost', ''@'127.0.0.1'",
    `ALTER USER IF EXISTS 'root'@'localhost' IDENTIFIED BY '${randomPassword()}'`,
  ];
  const statements = [`CREATE DATABASE IF NOT EXISTS \`${database}\``, ...users, ...others];
  return statements.map((statement) => `${statement};\n`).join("");
}
