import { randomUUID } from "node:crypto";
import { text as readAll } from "node:stream/consumers";
import { bodyFault } from "@confab/contracts";
import type { Command } from "commander";
import { number, token, toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";

/** `send TOKEN CHAT BODY`. */
export function addSendCommand(program: Command, io: Io): void {
  program
    .command("send")
    .description("send a message to a chat")
    .argument("<token>", "the application's token", token)
    .argument("<chat>", "the chat's number", number)
    .argument("<body>", "the message; - reads it from standard input, without the last line's end")
    .option("--key <key>", "idempotency key: sending again with the same key within 24 hours changes nothing")
    .action(async (of: string, chat: number, given: string, { key }: { key?: string }, command: Command) => {
      const { api, output } = toolsOf(io, command);
      const body = given === "-" ? (await readAll(io.stdin)).replace(/\r?\n$/, "") : given;
      const fault = bodyFault(body);
      if (fault !== undefined) throw new CommandError("usage", `The message ${fault}.`);
      const sent = await api.call("createMessage", {
        body: { application_token: of, chat_number: chat, body },
        idempotencyKey: key ?? randomUUID(),
      });
      output.result(sent.body, () => `message ${sent.body.number}`);
    });
}
