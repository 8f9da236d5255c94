import { createHash, randomUUID } from "node:crypto";
import { PrismaMariaDb } from "@prisma/adapter-mariadb";
import { connectionSettings, type DatabaseAddress } from "./connection.ts";
import { isMissingTable, reasonOf } from "./errors.ts";
import { MigrationError, pendingMigrations, readMigrations, type AppliedMigration } from "./migrations.ts";
import type { Database } from "./client.ts";

export interface MigrateOptions {
  /** The directory with the migrations, one subdirectory each. Default: the migrations of this package. */
  readonly directory?: string | undefined;
  /** Maximum time in ms to wait for the server to become reachable. Default: 10,000. */
  readonly timeoutMs?: number | undefined;
  readonly onProgress?:
    ((event: { name: string; state: "applying" | "applied"; durationMs?: number }) => void) | undefined;
}

/** The part of a driver's session that migrations use. */
interface Session {
  query<T = unknown>(sql: string, values?: unknown[]): Promise<T>;
}

const migrationsTable = "_prisma_migrations";
const lockWaitS = 120;

/**
 * Creates the database if it is missing, applies the pending migrations and returns their names. Writes Prisma's own
 * table exactly like Prisma. Concurrent runs wait for each other. If the history does not match, throws a
 * `MigrationError` that says what to do.
 */
export async function migrate(
  address: string | DatabaseAddress,
  { directory, timeoutMs, onProgress }: MigrateOptions = {},
): Promise<string[]> {
  const known = await readMigrations(directory);
  return withSession({ address, timeoutMs }, async (session, database) => {
    await useDatabase(session, database);
    return exclusively(session, database, async () => {
      await session.query(createTable);
      const pending = pendingMigrations(known, await readApplied(session));
      for (const { name, sql, checksum } of pending) {
        const started = performance.now();
        onProgress?.({ name, state: "applying" });
        await apply(session, { name, sql, checksum });
        onProgress?.({ name, state: "applied", durationMs: Math.round(performance.now() - started) });
      }
      return pending.map((migration) => migration.name);
    });
  });
}

/**
 * Returns the names of the applied and the pending migrations. Throws `MigrationError` if the history does not match.
 */
export async function migrationStatus(
  address: string | DatabaseAddress,
  { directory }: Pick<MigrateOptions, "directory"> = {},
): Promise<{ applied: string[]; pending: string[] }> {
  const known = await readMigrations(directory);
  return withSession({ address }, async (session, database) => {
    const [present] = await session.query<[{ n: bigint }]>(
      "SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
      [database, migrationsTable],
    );
    if (present.n === 0n) return { applied: [], pending: known.map((migration) => migration.name) };
    await useDatabase(session, database);
    const applied = await readApplied(session);
    const pending = pendingMigrations(known, applied);
    return { applied: applied.map((row) => row.name), pending: pending.map((migration) => migration.name) };
  });
}

/**
 * Creates the readiness check. It rejects with `MigrationError` until every migration that this version needs is
 * applied. It accepts a newer schema. It reads the files once, on its first run.
 */
export function createMigrationCheck({ query }: Pick<Database, "query">, directory?: string): () => Promise<void> {
  let names: Promise<string[]> | undefined;
  return async () => {
    names ??= readMigrations(directory).then((known) => known.map(({ name }) => name));
    // Does not use Prisma, because its errors do not say why there is no session.
    const rows = await query<{ name: string }[]>(
      `SELECT migration_name AS name FROM ${migrationsTable} WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`,
    ).catch((error: unknown) => {
      if (isMissingTable(error)) return [];
      throw error;
    });
    const applied = new Set(rows.map(({ name }) => name));
    const missing = (await names).find((name) => !applied.has(name));
    if (missing !== undefined) throw new MigrationError(`Migration ${missing} is not applied. Run confabctl migrate.`);
  };
}

async function apply(session: Session, { name, sql, checksum }: { name: string; sql: string; checksum: string }) {
  const id = randomUUID();
  await session.query(
    `INSERT INTO ${migrationsTable} (id, checksum, migration_name, started_at) VALUES (?, ?, ?, CURRENT_TIMESTAMP(3))`,
    [id, checksum, name],
  );
  try {
    await session.query(sql);
  } catch (error) {
    const reason = reasonOf(error);
    await session.query(`UPDATE ${migrationsTable} SET logs = ? WHERE id = ?`, [reason, id]);
    throw new MigrationError(
      `Migration ${name} failed (${reason}). Restore its tables to their state before the migration, delete its row from ${migrationsTable}, and run it again.`,
      { cause: error },
    );
  }
  await session.query(
    `UPDATE ${migrationsTable} SET finished_at = CURRENT_TIMESTAMP(3), applied_steps_count = applied_steps_count + 1 WHERE id = ?`,
    [id],
  );
}

async function readApplied(session: Session): Promise<AppliedMigration[]> {
  const rows = await session.query<{ name: string; checksum: string; finished_at: unknown }[]>(
    `SELECT migration_name AS name, checksum, finished_at FROM ${migrationsTable} WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
  );
  return rows.map(({ name, checksum, finished_at }) => ({ name, checksum, finished: finished_at !== null }));
}

async function useDatabase(session: Session, database: string): Promise<void> {
  const quoted = `\`${database.replaceAll("`", "``")}\``;
  try {
    await session.query(`USE ${quoted}`);
  } catch {
    // The database is missing or not visible to this user. The attempt to create it shows which is the case.
    try {
      await session.query(`CREATE DATABASE IF NOT EXISTS ${quoted} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
      await session.query(`USE ${quoted}`);
    } catch (error) {
      throw new MigrationError(
        `The database ${database} cannot be used or created (${reasonOf(error)}). Create it and grant this user all privileges on it.`,
        { cause: error },
      );
    }
  }
}

async function exclusively<T>(session: Session, database: string, work: () => Promise<T>): Promise<T> {
  // Lock names are global to the server and have at most 64 characters.
  const name = `confab-migrate-${createHash("sha256").update(database).digest("hex").slice(0, 32)}`;
  const [lock] = await session.query<[{ taken: bigint | number | null }]>("SELECT GET_LOCK(?, ?) AS taken", [
    name,
    lockWaitS,
  ]);
  if (Number(lock.taken) !== 1) {
    throw new MigrationError(
      `Another migration of ${database} is still running. Wait until it has ended and run this one again.`,
    );
  }
  try {
    return await work();
  } finally {
    await session.query("SELECT RELEASE_LOCK(?) AS released", [name]);
  }
}

async function withSession<T>(
  { address, timeoutMs = 10_000 }: { address: string | DatabaseAddress; timeoutMs?: number | undefined },
  work: (session: Session, database: string) => Promise<T>,
): Promise<T> {
  const { database, ...settings } = connectionSettings({
    ...(typeof address === "string" ? { url: address } : address),
    poolSize: 1,
    acquireTimeoutMs: timeoutMs,
    answerTimeoutMs: 0,
  });
  if (database === "")
    throw new MigrationError("The database address has no database name. Add the name after the slash.");
  // Uses the client's adapter to open the session, so that there is only one driver and one way to parse an address.
  const adapter = await new PrismaMariaDb({ ...settings, multipleStatements: true }).connect();
  try {
    const connection = await adapter.underlyingDriver().getConnection();
    try {
      await connection.query("SET SESSION lock_wait_timeout = 60");
      return await work(connection, database);
    } finally {
      await connection.release();
    }
  } finally {
    await adapter.dispose();
  }
}

const createTable = `
CREATE TABLE IF NOT EXISTS ${migrationsTable} (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at DATETIME(3),
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at DATETIME(3),
  started_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  applied_steps_count INTEGER UNSIGNED NOT NULL DEFAULT 0
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`;
