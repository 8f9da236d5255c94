import { Command, Option } from "commander";
import { addAppCommands } from "./commands/app.ts";
import { addChatCommands } from "./commands/chat.ts";
import { addConfigCommands } from "./commands/config.ts";
import { addCountsCommands } from "./commands/counts.ts";
import { addDeadLetterCommands } from "./commands/dead-letters.ts";
import { addExportCommand } from "./commands/export.ts";
import { addImportCommand } from "./commands/import.ts";
import { addMigrateCommand } from "./commands/migrate.ts";
import { addSearchCommands } from "./commands/search.ts";
import { addSendCommand } from "./commands/send.ts";
import { addSmokeCommand } from "./commands/smoke.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addTailCommand } from "./commands/tail.ts";
import { addTraceCommand } from "./commands/trace.ts";
import { addVerifyCommand } from "./commands/verify.ts";
import { defaultUrl, httpUrl } from "./command-tools.ts";
import { exitCodeHelp } from "./exit-codes.ts";
import type { Io } from "./io.ts";

/** The whole command line, without running anything; `parseAsync` of it throws for usage errors and never ends the process. */
export function createProgram(io: Io): Command {
  const program = new Command("confabctl")
    .description("Use and operate Confab, the distributed chat back end.")
    .addOption(
      new Option("--url <url>", `where Confab is (default: of this checkout's \`make up\`, else ${defaultUrl})`)
        .env("CONFAB_URL")
        .argParser(httpUrl),
    )
    .addOption(
      new Option("--ingest-url <url>", "where POST /messages is, if elsewhere: ingest's own address, say")
        .env("CONFAB_INGEST_URL")
        .argParser(httpUrl),
    )
    .addOption(new Option("--admin-key <key>", "for creating and listing applications").env("ADMIN_API_KEY"))
    .option("--json", "for programs: one JSON document, or one a line from commands that stream")
    .option("--quiet", "results alone, no notes and no progress")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    })
    .addHelpText("after", exitCodeHelp());
  addAppCommands(program, io);
  addChatCommands(program, io);
  addSendCommand(program, io);
  addTailCommand(program, io);
  addSearchCommands(program, io);
  addImportCommand(program, io);
  addExportCommand(program, io);
  addMigrateCommand(program, io);
  addConfigCommands(program, io);
  addDeadLetterCommands(program, io);
  addCountsCommands(program, io);
  addSmokeCommand(program, io);
  addVerifyCommand(program, io);
  addTraceCommand(program, io);
  addStatusCommand(program, io);
  return program;
}
