import { InvalidArgumentError, type Command } from "commander";
import {
  applicationArguments,
  chatOperand,
  declareApplicationArguments,
  messageOperand,
} from "../application-arguments.ts";
import { number, toolsOf, token } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { columns } from "../output.ts";
import { openStores } from "../status/open-stores.ts";
import { locateMessage, type MessageReference } from "../trace/locate-message.ts";

const operands = [chatOperand, messageOperand] as const;

/** Adds `trace [TOKEN] CHAT MESSAGE`, which operators run directly on the stores. */
export function addTraceCommand(program: Command, io: Io): void {
  const command = program
    .command("trace")
    .description(
      "show where a message is, with times: accepted, pending, stored, searchable or dead-lettered. Instead of token and numbers, the path or URL from the Location header will do",
    );
  declareApplicationArguments(command, operands).action(async () => {
    const { env, output } = toolsOf(io, command);
    const reference = referenceOf(command);
    const stores = await openStores(env);
    try {
      const steps = await locateMessage(stores, reference);
      const { application, chat, message } = reference;
      output.result({ application_token: application, chat_number: chat, number: message, steps }, () =>
        columns(steps.map(({ state, at, text }) => [state, at === undefined ? "" : output.time(at), text])),
      );
      if (steps.some(({ state }) => state === "unknown")) {
        throw new CommandError("refused", "The message is in none of the stores.");
      }
    } finally {
      await stores.close();
    }
  });
}

const location = /\/applications\/([^/]+)\/chats\/([^/]+)\/messages\/([^/?#]+)\/?(?:[?#].*)?$/;

function referenceOf(command: Command): MessageReference {
  const [application, chat, message] = location.exec(command.args[0] ?? "")?.slice(1) ?? [];
  if (application === undefined || chat === undefined || message === undefined) {
    const [named, [chatNumber, messageNumber]] = applicationArguments<[number, number]>(command, operands);
    return { application: named, chat: chatNumber, message: messageNumber };
  }
  try {
    return { application: token(application), chat: number(chat), message: number(message) };
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return command.error(`error: '${command.args[0] ?? ""}' is not the path of a message. ${error.message}`);
  }
}
