import type { Command } from "commander";
import { duration, toolsOf, type Tools } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { counted } from "../output.ts";
import { retryUntil } from "../retry-until.ts";
import { databaseAddress, withDatabase } from "../stores.ts";

interface MigrateCommandOptions {
  readonly status?: boolean;
  readonly wait?: number;
  readonly unlessUnavailable?: number;
}

/** Adds `migrate [--status] [--wait 5m] [--unless-unavailable 15s]`. */
export function addMigrateCommand(program: Command, io: Io): void {
  program
    .command("migrate")
    .description(
      "create or upgrade the tables of the database (DATABASE_URL). It is safe to repeat and to run several times at once",
    )
    .option("--status", "only show which migrations are applied and which are pending")
    .option(
      "--wait <duration>",
      "wait up to this time for the database; with --status, until every migration that this version needs is applied",
      duration,
    )
    .option(
      "--unless-unavailable <duration>",
      "with --status --wait, stop waiting without an error when the database has been unavailable for this time: for ingest, which works without it",
      duration,
    )
    .action(async ({ status = false, wait, unlessUnavailable }: MigrateCommandOptions, command: Command) => {
      const tools = toolsOf(io, command);
      if (!status) await apply(tools, wait);
      else if (wait === undefined) await showStatus(tools);
      else await waitUntilMigrated(tools, wait, unlessUnavailable);
    });
}

async function apply({ env, output }: Tools, wait: number | undefined): Promise<void> {
  const { createKeys, isUnavailable, migrate, reasonOf } = await import("@confab/database");
  const address = databaseAddress(env);
  const onProgress = ({ name, state, durationMs }: { name: string; state: string; durationMs?: number }): void => {
    output.note(state === "applying" ? `applying ${name}` : `applied  ${name} in ${durationMs ?? 0} ms`);
  };
  const retry = {
    timeoutMs: wait ?? 0,
    reasonToRetry: (error: unknown) => (wait !== undefined && isUnavailable(error) ? reasonOf(error) : undefined),
    onRetry: waitingFor(output),
  };
  const applied = await retryUntil(retry, () =>
    migrate(address, { onProgress, timeoutMs: wait === undefined ? undefined : 1000 }),
  );
  const active_keys = await withDatabase(env, (database) => createKeys(database).hasActive()).catch(() => null);
  output.result({ applied, active_keys }, () =>
    applied.length === 0 ? "nothing to migrate" : `${counted(applied.length, "migration")} applied`,
  );
}

async function showStatus({ env, output }: Tools): Promise<void> {
  const { migrationStatus } = await import("@confab/database");
  const found = await migrationStatus(databaseAddress(env));
  output.result(found, () =>
    [...found.applied.map((name) => `applied  ${name}`), ...found.pending.map((name) => `pending  ${name}`)].join("\n"),
  );
}

/**
 * Waits until the tables are new enough, like the readiness probe. Tables of a newer version suffice, so that a
 * rollback to an older version does not wait. Returns early once the database has been unavailable for
 * `unlessUnavailable` ms.
 */
async function waitUntilMigrated(
  { env, output }: Tools,
  wait: number,
  unlessUnavailable = Number.POSITIVE_INFINITY,
): Promise<void> {
  const { createMigrationCheck, isLoginRefused, isUnavailable, MigrationError, reasonOf } =
    await import("@confab/database");
  let unavailableSince: number | undefined;
  const retry = {
    timeoutMs: wait,
    reasonToRetry: (error: unknown) => {
      const isRefused = isLoginRefused(error);
      if (isRefused || !isUnavailable(error)) {
        unavailableSince = undefined;
        return isRefused || error instanceof MigrationError ? reasonOf(error) : undefined;
      }
      unavailableSince ??= performance.now();
      return performance.now() - unavailableSince < unlessUnavailable ? reasonOf(error) : undefined;
    },
    onRetry: waitingFor(output),
  };
  try {
    await withDatabase(env, (database) => retryUntil(retry, createMigrationCheck(database)));
  } catch (error) {
    if (unavailableSince === undefined || !isUnavailable(error)) throw error;
    output.result({ pending: null }, () => "the database is unavailable, so nobody knows which migrations are pending");
    return;
  }
  output.result({ pending: [] }, () => "no migration is pending");
}

function waitingFor(output: Tools["output"]): (reason: string) => void {
  return (reason) => {
    output.note(`waiting for the database: ${reason}`);
  };
}
