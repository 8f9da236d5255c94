import { exit } from "node:process";
import { CommanderError } from "commander";
import { explain } from "./errors.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { createProgram } from "./program.ts";

/**
 * Runs one command line and returns its exit code. An error is printed as a sentence. With `DEBUG=confab`, it is also
 * printed in full.
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  // It is not an error if a reader such as `head` stops early.
  io.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") exit(exitCodes.ok.code);
    io.stderr.write(`Standard output cannot be written (${error.code ?? error.message}).\n`);
    exit(exitCodes.unexpected.code);
  });
  try {
    await createProgram(io).parseAsync(args, { from: "user" });
    return exitCodes.ok.code;
  } catch (error) {
    // Commander has already printed the error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok.code : exitCodes.usage.code;
    const { outcome, message } = await explain(error);
    io.stderr.write(`${message}\n`);
    if (io.env.DEBUG === "confab") io.stderr.write(`${error instanceof Error ? (error.stack ?? "") : ""}\n`);
    return exitCodes[outcome].code;
  }
}
