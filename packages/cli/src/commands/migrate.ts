import type { Command } from "commander";
import { duration, toolsOf, type Tools } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { withTimeout } from "../retry-until.ts";
import { databaseAddress, withDatabase } from "../stores.ts";

interface MigrateCommandOptions {
  status?: boolean;
  wait?: number;
}

/** `migrate [--status] [--wait 5m]`. */
export function addMigrateCommand(program: Command, io: Io): void {
  program
    .command("migrate")
    .description("bring the database's tables to this version (DATABASE_URL); safe to repeat and to run twice at once")
    .option("--status", "only show what is applied and what is pending")
    .option(
      "--wait <duration>",
      "wait this long for a database that is not up; with --status until nothing is pending that this version needs",
      duration,
    )
    .action(async ({ status = false, wait }: MigrateCommandOptions, command: Command) => {
      const tools = toolsOf(io, command);
      if (!status) await apply(tools, wait);
      else if (wait === undefined) await showStatus(tools);
      else await waitUntilMigrated(tools, wait);
    });
}

async function apply({ env, output }: Tools, wait: number | undefined): Promise<void> {
  const { isUnavailable, migrate, reasonOf } = await import("@confab/database");
  const address = databaseAddress(env);
  const onProgress = ({ name, state, durationMs }: { name: string; state: string; durationMs?: number }): void => {
    output.note(state === "applying" ? `applying ${name}` : `applied  ${name} in ${durationMs ?? 0} ms`);
  };
  const patience = {
    withinMs: wait ?? 0,
    reasonToWait: (error: unknown) => (wait !== undefined && isUnavailable(error) ? reasonOf(error) : undefined),
    onWait: waitingFor(output),
  };
  const applied = await withTimeout(patience, () =>
    migrate(address, { onProgress, timeoutMs: wait === undefined ? undefined : 1000 }),
  );
  output.result({ applied }, () => (applied.length === 0 ? "nothing to migrate" : `${applied.length} applied`));
}

async function showStatus({ env, output }: Tools): Promise<void> {
  const { migrationStatus } = await import("@confab/database");
  const found = await migrationStatus(databaseAddress(env));
  output.result(found, () =>
    [...found.applied.map((name) => `applied  ${name}`), ...found.pending.map((name) => `pending  ${name}`)].join("\n"),
  );
}

/** By readiness' own rule: tables of a newer version will do, so that going back to an older one is not held up. */
async function waitUntilMigrated({ env, output }: Tools, wait: number): Promise<void> {
  const { createMigrationCheck, isUnavailable, MigrationError, reasonOf } = await import("@confab/database");
  const patience = {
    withinMs: wait,
    reasonToWait: (error: unknown) =>
      isUnavailable(error) || error instanceof MigrationError ? reasonOf(error) : undefined,
    onWait: waitingFor(output),
  };
  await withDatabase(env, (database) => withTimeout(patience, createMigrationCheck(database)));
  output.result({ pending: [] }, () => "nothing is pending");
}

function waitingFor(output: Tools["output"]): (reason: string) => void {
  return (reason) => {
    output.note(`waiting for the database: ${reason}`);
  };
}
