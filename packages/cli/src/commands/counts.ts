import type { CountDifference } from "@confab/database";
import type { Command } from "commander";
import { toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { counted, table } from "../output.ts";
import { databaseAddress, databaseName, withDatabase } from "../stores.ts";

/** Adds `counts verify`, which operators run directly on the database. */
export function addCountsCommands(program: Command, io: Io): void {
  program
    .command("counts")
    .description("verify chats_count and messages_count")
    .command("verify")
    .description("compare every chats_count and messages_count with the number of rows (DATABASE_URL)")
    .action(async (_options, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const { verifyCounts } = await import("@confab/database");
      const database = databaseName(databaseAddress(env));
      const differences: CountDifference[] = [];
      const checked = await withDatabase(env, async (opened) => {
        const verification = verifyCounts(opened);
        for (;;) {
          const { done, value } = await verification.next();
          if (done === true) return value;
          differences.push(value);
        }
      });
      const { chats_count: applications, messages_count: chats } = checked;
      const scope = `${counted(applications, "application")} and ${counted(chats, "chat")} in ${database}`;
      output.result({ database, applications, chats, differences }, () =>
        differences.length === 0
          ? `All counts are correct: ${scope}.`
          : table(
              ["APPLICATION", "CHAT", "COUNT", "COUNTED", "ACTUAL"],
              differences.map(({ token, chat, kind, counted, actual }) => [token, chat ?? "", kind, counted, actual]),
            ),
      );
      if (differences.length > 0) {
        throw new CommandError("differences", `Wrong counts: ${differences.length}, of ${scope}.`);
      }
    });
}
