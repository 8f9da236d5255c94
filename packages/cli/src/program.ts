import { version } from "@confab/config";
import { Command } from "commander";
import { addApiCommand } from "./commands/api.ts";
import { addAppCommands } from "./commands/app.ts";
import { addAuditCommand } from "./commands/audit.ts";
import { addChatCommands } from "./commands/chat.ts";
import { addCompleteCommand } from "./commands/complete.ts";
import { addConfigCommands } from "./commands/config.ts";
import { addCountsCommands } from "./commands/counts.ts";
import { addDeadLetterCommands } from "./commands/dead-letters.ts";
import { addEraseCommand } from "./commands/erase.ts";
import { addExportCommand } from "./commands/export.ts";
import { addImportCommand } from "./commands/import.ts";
import { addKeysCommands } from "./commands/keys.ts";
import { addMessageCommands } from "./commands/message.ts";
import { addMigrateCommand } from "./commands/migrate.ts";
import { addReadsCommands } from "./commands/reads.ts";
import { addRetentionCommands } from "./commands/retention.ts";
import { addSearchCommands } from "./commands/search.ts";
import { addSendCommand } from "./commands/send.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addTailCommand } from "./commands/tail.ts";
import { addTraceCommand } from "./commands/trace.ts";
import { addUserTokenCommand } from "./commands/user-token.ts";
import { addVerifyCommand } from "./commands/verify.ts";
import { exitCodeHelp } from "./exit-codes.ts";
import { addGlobalOptions } from "./global-options.ts";
import type { Io } from "./io.ts";

/**
 * Creates the whole command line. Nothing runs before `parseAsync`, which throws for usage errors and never ends the
 * process.
 */
export function createProgram(io: Io): Command {
  const program = new Command("confabctl")
    .description("Use and operate Confab, the distributed chat back end.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .configureHelp({ subcommandTerm })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    })
    .addHelpText("after", exitCodeHelp());
  addGlobalOptions(program, io.env);
  addAppCommands(program, io);
  addChatCommands(program, io);
  addMessageCommands(program, io);
  addReadsCommands(program, io);
  addKeysCommands(program, io);
  addUserTokenCommand(program, io);
  addSendCommand(program, io);
  addTailCommand(program, io);
  addSearchCommands(program, io);
  addImportCommand(program, io);
  addExportCommand(program, io);
  addMigrateCommand(program, io);
  addConfigCommands(program, io);
  addDeadLetterCommands(program, io);
  addEraseCommand(program, io);
  addRetentionCommands(program, io);
  addCountsCommands(program, io);
  addAuditCommand(program, io);
  addVerifyCommand(program, io);
  addTraceCommand(program, io);
  addStatusCommand(program, io);
  addApiCommand(program, io);
  addCompleteCommand(program);
  return program;
}

/** Returns a command in the help of its parent: its name and operands. */
function subcommandTerm(command: Command): string {
  const operands = command.usage().replace(/\[(options|command)\] ?/g, "");
  return `${command.name()} ${operands}`.trimEnd();
}
