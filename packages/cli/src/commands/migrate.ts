import type { Command } from "commander";
import { toolsOf } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { databaseUrl } from "../stores.ts";

/** `migrate [--status]`. */
export function addMigrateCommand(program: Command, io: Io): void {
  program
    .command("migrate")
    .description("bring the database's tables to this version (DATABASE_URL); safe to repeat and to run twice at once")
    .option("--status", "only show what is applied and what is pending")
    .action(async ({ status = false }: { status?: boolean }, command: Command) => {
      const { output, env } = toolsOf(io, command);
      const { migrate, migrationStatus } = await import("@confab/database");
      const url = databaseUrl(env);
      if (status) {
        const found = await migrationStatus(url);
        output.result(found, () =>
          [...found.applied.map((name) => `applied  ${name}`), ...found.pending.map((name) => `pending  ${name}`)].join(
            "\n",
          ),
        );
        return;
      }
      const applied = await migrate(url, {
        onProgress({ name, state, durationMs }) {
          output.note(state === "applying" ? `applying ${name}` : `applied  ${name} in ${durationMs ?? 0} ms`);
        },
      });
      output.result({ applied }, () => (applied.length === 0 ? "nothing to migrate" : `${applied.length} applied`));
    });
}
