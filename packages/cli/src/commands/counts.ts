import type { CountDifference } from "@confab/database";
import type { Command } from "commander";
import { toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { table } from "../output.ts";
import { withDatabase } from "../stores.ts";

/** `counts verify`: for operators, directly on the database. */
export function addCountsCommands(program: Command, io: Io): void {
  program
    .command("counts")
    .description("the counts that applications and chats carry")
    .command("verify")
    .description("compare every chats_count and messages_count with the rows that are there")
    .action(async (_options, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const { verifyCounts } = await import("@confab/database");
      const differences: CountDifference[] = [];
      await withDatabase(env, async (database) => {
        for await (const difference of verifyCounts(database)) differences.push(difference);
      });
      output.result({ differences }, () =>
        differences.length === 0
          ? "all counts are right"
          : table(
              ["APPLICATION", "CHAT", "COUNT", "COUNTED", "ACTUAL"],
              differences.map(({ token, chat, kind, counted, actual }) => [token, chat ?? "", kind, counted, actual]),
            ),
      );
      if (differences.length > 0) throw new CommandError("differences", `${differences.length} counts are wrong.`);
    });
}
