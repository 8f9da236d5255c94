import { createUuid7 } from "@confab/runtime/uuid7";
import type { Chat } from "@confab/contracts";
import type { Command } from "commander";
import { listed, pages } from "../api-client.ts";
import { chatOperand, onApplication } from "../application-arguments.ts";
import { days, json, number, toolsOf } from "../command-tools.ts";
import { asksFirst, expectConsent } from "../consent.ts";
import { inWords, previewDeletion } from "../deletion-preview.ts";
import type { Io } from "../io.ts";
import { inDays, table, type Output } from "../output.ts";

/** Adds `chat create|list|delete`. */
export function addChatCommands(program: Command, io: Io): void {
  const chat = program.command("chat").description("create, list and delete the chats of an application");

  onApplication(
    chat
      .command("create")
      .description("create a chat and show its number")
      .option("--name <name>", "1 to 255 characters")
      .option("--metadata <json>", "your own data, a JSON object", json)
      .option("--retention-days <n>", "delete messages that are older; 0 keeps them for ever", days),
    [],
    async (token, _values, command) => {
      const { api, output } = toolsOf(io, command);
      const options = command.opts<{ name?: string; metadata?: unknown; retentionDays?: number }>();
      const { retentionDays, ...rest } = options;
      const body = { ...rest, retention_days: retentionDays };
      const created = await api.call("createChat", { params: { token }, body, idempotencyKey: createUuid7() });
      output.result(created.body, () => view([created.body], output));
    },
  );

  onApplication(
    chat
      .command("list")
      .description("list the chats of an application by number")
      .option("--by-activity", "the chat with the latest stored message first")
      .option("--limit <n>", "maximum number of chats", number, 50)
      .option("--all", "list all chats"),
    [],
    async (token, _values, command) => {
      const { api, output } = toolsOf(io, command);
      const { limit, all, byActivity } = command.opts<{ limit: number; all?: boolean; byActivity?: boolean }>();
      const query = byActivity === true ? { order: "activity" } : {};
      const found = await listed(
        pages(api, "listChats", { params: { token }, query, limit: all === true ? Infinity : limit }),
      );
      output.result(found, () => view(found, output));
    },
  );

  onApplication(
    asksFirst(
      chat
        .command("delete")
        .description("delete a chat and erase everything in it. Its number is never used again. This cannot be undone"),
    ).option("--dry-run", "only count what would be deleted"),
    [chatOperand],
    async (token, [chat], command) => {
      const { api, output } = toolsOf(io, command);
      if (command.opts<{ dryRun?: boolean }>().dryRun === true) {
        const doomed = await previewDeletion(api, token, chat);
        output.result({ chat_number: chat, ...doomed }, () => `would delete ${inWords(`chat ${chat}`, doomed)}`);
        return;
      }
      await expectConsent(io, command, async () => {
        return `This deletes ${inWords(`chat ${chat}`, await previewDeletion(api, token, chat))}.`;
      });
      await api.call("deleteChat", { params: { token, chat } });
      output.result({ deleted: chat }, () => `chat ${chat} deleted`);
    },
    { isNamed: true },
  );
}

function view(chats: readonly Chat[], { time }: Output): string {
  return table(
    ["NUMBER", "NAME", "MESSAGES", "LAST MESSAGE", "RETENTION", "CREATED", "UPDATED"],
    chats.map(({ number, name, messages_count, last_message_at, retention_days, created_at, updated_at }) => [
      number,
      name ?? "",
      messages_count,
      last_message_at === null ? "" : time(last_message_at),
      inDays(retention_days),
      time(created_at),
      time(updated_at),
    ]),
  );
}
