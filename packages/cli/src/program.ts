import { version } from "@confab/config";
import { Command, Option } from "commander";
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
import { addKeysCommands, readKeyFile } from "./commands/keys.ts";
import { addMessageCommands } from "./commands/message.ts";
import { addMigrateCommand } from "./commands/migrate.ts";
import { addReadsCommands } from "./commands/reads.ts";
import { addRetentionCommands } from "./commands/retention.ts";
import { addSearchCommands } from "./commands/search.ts";
import { addSendCommand } from "./commands/send.ts";
import { addSmokeCommand } from "./commands/smoke.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addTailCommand } from "./commands/tail.ts";
import { addTraceCommand } from "./commands/trace.ts";
import { addUserTokenCommand } from "./commands/user-token.ts";
import { addVerifyCommand } from "./commands/verify.ts";
import { defaultUrl, httpUrl, token } from "./command-tools.ts";
import { exitCodeHelp } from "./exit-codes.ts";
import type { Io } from "./io.ts";

/** The whole command line. Nothing runs before `parseAsync`, which throws for usage errors and never ends the process. */
export function createProgram(io: Io): Command {
  const program = new Command("confabctl")
    .description("Use and operate Confab, the distributed chat back end.")
    .version(version, "-V, --version", "print the version")
    .addOption(
      new Option(
        "--url <url>",
        `URL of Confab (default: that of \`make up\` in this checkout, otherwise ${defaultUrl})`,
      )
        .env("CONFAB_URL")
        .argParser(httpUrl),
    )
    .addOption(
      new Option("--ingest-url <url>", "URL of POST /messages if it differs, for example ingest's own address")
        .env("CONFAB_INGEST_URL")
        .argParser(httpUrl),
    )
    .addOption(new Option("--token <token>", "token of the application").env("CONFAB_TOKEN").argParser(token))
    .addOption(
      new Option(
        "--key <key>",
        "key of the application, or an admin key. Other users see command lines: prefer the variable or --key-file",
      ).env("CONFAB_KEY"),
    )
    .addOption(
      new Option("--key-file <file>", "file that contains the key").env("CONFAB_KEY_FILE").argParser(readKeyFile),
    )
    .addOption(
      new Option(
        "--admin-key <key>",
        "the configured admin key, for commands that concern the installation and for all others without --key",
      ).env("ADMIN_API_KEY"),
    )
    .option("--json", "print JSON: one document, or one per line for commands that stream")
    .option("--local-time", "print times in the time zone of this machine or of TZ instead of UTC; not with --json")
    .option("--quiet", "print results only, without notes and progress")
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
  addSmokeCommand(program, io);
  addVerifyCommand(program, io);
  addTraceCommand(program, io);
  addStatusCommand(program, io);
  addCompleteCommand(program);
  return program;
}

/** A command in the help of its parent: its name and operands. */
function subcommandTerm(command: Command): string {
  const operands = command.usage().replace(/\[(options|command)\] ?/g, "");
  return `${command.name()} ${operands}`.trimEnd();
}
