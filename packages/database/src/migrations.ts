import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** A migration and its checksum. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file, as Prisma computes it. */
  readonly checksum: string;
}

/** A migration in Prisma's own table that was not rolled back. */
export interface AppliedMigration {
  readonly name: string;
  readonly checksum: string;
  readonly finished: boolean;
}

/** The database cannot be migrated or used. The message says why, and what to do. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

/** Reads migrations in order, by default those of this package. */
export async function readMigrations(directory = ownDirectory()): Promise<Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(`${directory}/${name}/migration.sql`, "utf8");
      return { name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

/**
 * Returns the pending migrations in order. Throws a `MigrationError` if it would be unsafe to apply them. Migrations of
 * a newer version are compatible with an older version of Confab, which therefore accepts them unless it has pending
 * migrations itself.
 */
export function pendingMigrations(known: readonly Migration[], applied: readonly AppliedMigration[]): Migration[] {
  const byName = new Map(known.map((migration) => [migration.name, migration]));
  for (const { name, checksum, finished } of applied) {
    if (!finished) {
      throw new MigrationError(
        `Migration ${name} was started but did not finish. Bring its tables to the state before or after it, then delete its row from _prisma_migrations or set its finished_at.`,
      );
    }
    const migration = byName.get(name);
    if (migration && migration.checksum !== checksum) {
      throw new MigrationError(
        `Migration ${name} was changed after it was applied. Restore its file and put the change into a new migration.`,
      );
    }
  }
  const done = new Set(applied.map((migration) => migration.name));
  const pending = known.filter((migration) => !done.has(migration.name));
  const unknown = applied.find(({ name }) => !byName.has(name));
  if (unknown && pending[0]) {
    throw new MigrationError(
      `The database has migration ${unknown.name}, which this version does not know, but not ${pending[0].name}. Run the version that applied it, or a newer one.`,
    );
  }
  return pending;
}

/**
 * Returns the directory with this package's migrations. It is next to src/ when the code runs from source, and one
 * level higher when the code is built.
 */
function ownDirectory(): string {
  const candidates = ["../prisma/migrations", "../../prisma/migrations"];
  const found = candidates
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(path));
  if (found === undefined)
    throw new MigrationError(
      "The folder prisma/migrations is missing from this installation. Install the complete package.",
    );
  return found;
}
