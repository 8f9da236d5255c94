import { readdirSync } from "node:fs";
import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";

/** `complete bash|zsh|fish`; call it after all other commands are declared. */
export function addCompleteCommand(program: Command): void {
  // The library finds another version of commander than confabctl; both versions have the methods that it calls.
  const foreign: unknown = program;
  const completion = tab(foreign as Parameters<typeof tab>[0]);
  program.commands
    .find((command) => command.name() === "complete")
    ?.description("print a completion script for a shell, for example: source <(confabctl complete bash)");
  completion.commands.get("import")?.argument("file", (complete) => {
    for (const name of readdirSync(".").filter((entry) => entry.endsWith(".ndjson"))) complete(name, "");
  });
}
