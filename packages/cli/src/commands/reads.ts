import type { ReadState } from "@confab/contracts";
import type { Command } from "commander";
import { listed, pages } from "../api-client.ts";
import { chatOperand, onApplication, textOperand, type Operand } from "../application-arguments.ts";
import { number, toolsOf } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { table, type Output } from "../output.ts";

const readerOperand = textOperand("reader", "your own id of the reader");
const numberOperand: Operand<number> = {
  name: "number",
  description: "the number of the last message that was read",
  parse: number,
};

/** Adds `reads list|show|set|unread`. */
export function addReadsCommands(program: Command, io: Io): void {
  const reads = program.command("reads").description("show and set how far readers have read, and what is unread");

  onApplication(
    reads
      .command("list")
      .description("list how far the readers of a chat have read")
      .option("--limit <n>", "maximum number of readers", number, 50)
      .option("--all", "list all readers"),
    [chatOperand],
    async (token, [chat], command) => {
      const { api, output } = toolsOf(io, command);
      const { limit, all } = command.opts<{ limit: number; all?: boolean }>();
      const found = await listed(
        pages(api, "listReadHorizons", { params: { token, chat }, limit: all === true ? Infinity : limit }),
      );
      output.result(found, () =>
        table(
          ["READER", "NUMBER", "UPDATED"],
          found.map(({ reader, number: horizon, updated_at }) => [reader, horizon, output.time(updated_at)]),
        ),
      );
    },
  );

  onApplication(
    reads.command("show").description("show how far a reader has read a chat, and how many messages are unread"),
    [chatOperand, readerOperand],
    async (token, [chat, reader], command) => {
      const { api, output } = toolsOf(io, command);
      const { body } = await api.call("getReadHorizon", { params: { token, chat, reader } });
      output.result(body, () => view(body, output));
    },
  );

  onApplication(
    reads.command("set").description("move a read horizon forward; a lower number changes nothing"),
    [chatOperand, readerOperand, numberOperand],
    async (token, [chat, reader, horizon], command) => {
      const { api, output } = toolsOf(io, command);
      const options = { params: { token, chat, reader }, body: { number: horizon } };
      const { body } = await api.call("setReadHorizon", options);
      output.result(body, () => view(body, output));
    },
  );

  onApplication(
    reads
      .command("unread")
      .description("list the chats with stored messages that a reader has not read")
      .option("--limit <n>", "maximum number of chats", number, 50)
      .option("--all", "list all chats"),
    [readerOperand],
    async (token, [reader], command) => {
      const { api, output } = toolsOf(io, command);
      const { limit, all } = command.opts<{ limit: number; all?: boolean }>();
      const options = { params: { token }, query: { reader }, limit: all === true ? Infinity : limit };
      const found = await listed(pages(api, "listUnreadChats", options));
      output.result(found, () =>
        table(
          ["CHAT", "UNREAD", "READ UP TO", "LAST MESSAGE"],
          found.map((chat) => [chat.chat_number, chat.unread, chat.number, output.time(chat.last_message_at)]),
        ),
      );
    },
  );
}

function view({ reader, number: horizon, unread, updated_at }: ReadState, { time }: Output): string {
  return table(
    ["READER", "NUMBER", "UNREAD", "UPDATED"],
    [[reader, horizon, unread, updated_at === null ? "" : time(updated_at)]],
  );
}
