import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { CommandError } from "./errors.ts";
import type { Io } from "./io.ts";

/** Declares `--yes` for a command that destroys something. */
export function asksFirst(command: Command): Command {
  return command.option("--yes", "do it without asking; required where nobody can be asked");
}

/**
 * Returns if `--yes` was given or the person at the terminal says yes to the question. Otherwise throws. The question
 * is a sentence that names what will be lost. It is only created if somebody is asked.
 */
export async function expectConsent(io: Io, command: Command, question: () => Promise<string> | string): Promise<void> {
  if (command.opts<{ yes?: boolean }>().yes === true) return;
  if (io.stdin.isTTY !== true || io.stderr.isTTY !== true) {
    throw new CommandError(
      "unconfirmed",
      "Nothing was done: this command destroys something, and there is no terminal to ask at. If you mean it, add --yes.",
    );
  }
  const terminal = createInterface({ input: io.stdin, output: io.stderr });
  // At the end of the input, some versions of Node reject the question. Others leave it open, and the process would end
  // as if it had succeeded.
  const closed = once(terminal, "close").then(() => "");
  try {
    const text = `${await question()} This cannot be undone. Type yes to go ahead: `;
    const answer = await Promise.race([terminal.question(text).catch(() => ""), closed]);
    if (answer.trim().toLowerCase() !== "yes") throw new CommandError("unconfirmed", "Nothing was done.");
  } finally {
    terminal.close();
  }
}
