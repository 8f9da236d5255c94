import { InvalidArgumentError, Option, type Command } from "commander";
import type { Environment } from "@confab/config";
import { defaultUrl, httpUrl, token } from "./command-tools.ts";
import { readKeyFile } from "./key-file.ts";

interface VariableOption {
  readonly flags: string;
  readonly variable: string;
  readonly description: string;
  readonly parse: (text: string) => string;
}

const variableOptions: readonly VariableOption[] = [
  {
    flags: "--url <url>",
    variable: "CONFAB_URL",
    description: `URL of Confab (default: that of \`make up\` in this checkout, otherwise ${defaultUrl})`,
    parse: httpUrl,
  },
  {
    flags: "--ingest-url <url>",
    variable: "CONFAB_INGEST_URL",
    description: "URL of POST /messages if it differs, for example ingest's own address",
    parse: httpUrl,
  },
  { flags: "--token <token>", variable: "CONFAB_TOKEN", description: "token of the application", parse: token },
  {
    flags: "--key <key>",
    variable: "CONFAB_KEY",
    description:
      "key of the application, or an admin key. Other users see command lines: prefer the variable or --key-file",
    parse: String,
  },
  {
    flags: "--key-file <file>",
    variable: "CONFAB_KEY_FILE",
    description: "file that contains the key",
    parse: readKeyFile,
  },
  {
    flags: "--admin-key <key>",
    variable: "ADMIN_API_KEY",
    description:
      "the configured admin key, for commands that concern the installation and for all others without --key",
    parse: String,
  },
];

/**
 * Declares the options that every command has. Environment variables can set most of them, too. Commander's own `env()`
 * is not used, because it reads `process.env` instead of the given environment.
 */
export function addGlobalOptions(program: Command, env: Environment): void {
  for (const { flags, variable, description, parse } of variableOptions) {
    const option = new Option(flags, `${description} (env: ${variable})`).argParser(parse);
    program.addOption(option).hook("preAction", () => {
      const text = env[variable];
      if (text === undefined || program.getOptionValue(option.attributeName()) !== undefined) return;
      try {
        program.setOptionValueWithSource(option.attributeName(), parse(text), "env");
      } catch (error) {
        if (!(error instanceof InvalidArgumentError)) throw error;
        program.error(`error: option '${flags}' value '${text}' from env '${variable}' is invalid. ${error.message}`);
      }
    });
  }
  program
    .option("--json", "print JSON: one document, or one per line for commands that stream")
    .option("--local-time", "print times in the time zone of this machine or of TZ instead of UTC; not with --json")
    .option("--quiet", "print results only, without notes and progress");
}
