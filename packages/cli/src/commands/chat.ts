import { randomUUID } from "node:crypto";
import type { Chat } from "@confab/contracts";
import type { Command } from "commander";
import { listed, pages } from "../api-client.ts";
import { chatOperand, onApplication, textOperand } from "../application-arguments.ts";
import { number, toolsOf } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { table, type Output } from "../output.ts";

/** `chat create|list|show|rename`. */
export function addChatCommands(program: Command, io: Io): void {
  const chat = program.command("chat").description("create, list, show and rename the chats of an application");

  onApplication(
    chat
      .command("create")
      .description("create a chat and show its number")
      .option("--name <name>", "1 to 255 characters"),
    [],
    async (token, _values, command) => {
      const { api, output } = toolsOf(io, command);
      const { name } = command.opts<{ name?: string }>();
      const body = name === undefined ? {} : { name };
      const created = await api.call("createChat", { params: { token }, body, idempotencyKey: randomUUID() });
      output.result(created.body, () => view([created.body], output));
    },
  );

  onApplication(
    chat
      .command("list")
      .description("list the chats of an application by number")
      .option("--limit <n>", "maximum number of chats", number, 50)
      .option("--all", "list all chats"),
    [],
    async (token, _values, command) => {
      const { api, output } = toolsOf(io, command);
      const { limit, all } = command.opts<{ limit: number; all?: boolean }>();
      const found = await listed(
        pages(api, "listChats", { params: { token }, limit: all === true ? Infinity : limit }),
      );
      output.result(found, () => view(found, output));
    },
  );

  onApplication(chat.command("show").description("show a chat"), [chatOperand], async (token, [chat], command) => {
    const { api, output } = toolsOf(io, command);
    const { body } = await api.call("getChat", { params: { token, chat } });
    output.result(body, () => view([body], output));
  });

  onApplication(
    chat.command("rename").description('rename a chat; the empty name "" removes the name'),
    [chatOperand, textOperand("name", "1 to 255 characters")],
    async (token, [chat, name], command) => {
      const { api, output } = toolsOf(io, command);
      const body = { name: name === "" ? null : name };
      const renamed = await api.call("updateChat", { params: { token, chat }, body });
      output.result(renamed.body, () => view([renamed.body], output));
    },
  );
}

function view(chats: readonly Chat[], { time }: Output): string {
  return table(
    ["NUMBER", "NAME", "MESSAGES", "CREATED", "UPDATED"],
    chats.map(({ number, name, messages_count, created_at, updated_at }) => [
      ...[number, name ?? "", messages_count],
      ...[time(created_at), time(updated_at)],
    ]),
  );
}
