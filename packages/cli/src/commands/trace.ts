import type { Command } from "commander";
import { number, toolsOf, token } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { printable } from "../output.ts";
import { openStores } from "../status/open-stores.ts";
import { locateMessage } from "../trace/locate-message.ts";
import type { MessageStep } from "../trace/message-step.ts";

/** `trace <application> <chat> <number>`: for operators, directly on the stores. */
export function addTraceCommand(program: Command, io: Io): void {
  program
    .command("trace")
    .description("say where one message is: accepted, pending, stored, searchable or a dead letter, with times")
    .argument("<application>", "the application's token, or the message's path or URL as Location gave it", placeOf)
    .argument("[chat]", "the chat's number", number)
    .argument("[number]", "the message's number", number)
    .action(async (...given: [Partial<Place>, number | undefined, number | undefined, object, Command]) => {
      const [named, chatNumber, messageNumber, , command] = given;
      const { env, output } = toolsOf(io, command);
      const { application, chat = chatNumber, message = messageNumber } = named;
      if (application === undefined || chat === undefined || message === undefined) {
        throw new CommandError("usage", "Name the message by application, chat and number, or by its path.");
      }
      const stores = await openStores(env);
      try {
        const steps = await locateMessage(stores, { token: application, chat }, message);
        output.result({ application_token: application, chat_number: chat, number: message, steps }, () =>
          steps.map(lineOf).join("\n"),
        );
        if (steps.some(({ state }) => state === "unknown")) throw new CommandError("refused", "No store knows it.");
      } finally {
        await stores.close();
      }
    });
}

interface Place {
  readonly application: string;
  readonly chat: number;
  readonly message: number;
}

const location = /\/applications\/([^/]+)\/chats\/([^/]+)\/messages\/([^/?#]+)\/?(?:[?#].*)?$/;

/** A message's path names all of it, a token the application alone; throws commander's error for anything else. */
function placeOf(text: string): Partial<Place> {
  const [, application, chat, message] = location.exec(text) ?? [];
  return application !== undefined && chat !== undefined && message !== undefined
    ? { application: token(application), chat: number(chat), message: number(message) }
    : { application: token(text) };
}

function lineOf({ state, at, text }: MessageStep): string {
  return `${state.padEnd(13)} ${(at ?? "").padEnd(24)} ${printable(text)}`;
}
