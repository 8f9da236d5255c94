import { randomUUID } from "node:crypto";
import type { Chat } from "@confab/contracts";
import type { Command } from "commander";
import { listed, pages } from "../api-client.ts";
import { number, token, toolsOf } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { table } from "../output.ts";

/** `chat create|list`. */
export function addChatCommands(program: Command, io: Io): void {
  const chat = program.command("chat").description("chats of an application");

  chat
    .command("create")
    .description("create a chat and show its number")
    .argument("<token>", "the application's token", token)
    .option("--name <name>", "1 to 255 characters")
    .action(async (of: string, { name }: { name?: string }, command: Command) => {
      const { api, output } = toolsOf(io, command);
      const body = name === undefined ? {} : { name };
      const created = await api.call("createChat", { params: { token: of }, body, idempotencyKey: randomUUID() });
      output.result(created.body, () => view([created.body]));
    });

  chat
    .command("list")
    .description("list an application's chats by number")
    .argument("<token>", "the application's token", token)
    .option("--limit <n>", "how many at the most", number, 50)
    .option("--all", "all of them")
    .action(async (of: string, { limit, all }: { limit: number; all?: boolean }, command: Command) => {
      const { api, output } = toolsOf(io, command);
      const options = { params: { token: of }, limit: all === true ? Infinity : limit };
      const found = await listed(pages(api, "listChats", options));
      output.result(found, () => view(found));
    });
}

function view(chats: readonly Chat[]): string {
  return table(
    ["NUMBER", "NAME", "MESSAGES", "CREATED"],
    chats.map(({ number, name, messages_count, created_at }) => [number, name ?? "", messages_count, created_at]),
  );
}
