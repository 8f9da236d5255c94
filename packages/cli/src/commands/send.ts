import { createUuid7 } from "@confab/runtime/uuid7";
import { text as readAll } from "node:stream/consumers";
import { bodyFault } from "@confab/contracts";
import type { Command } from "commander";
import { chatOperand, onApplication, textOperand } from "../application-arguments.ts";
import { json, number, toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";

interface SendOptions {
  readonly idempotencyKey?: string;
  readonly sender?: string;
  readonly metadata?: unknown;
  readonly replyTo?: number;
}

/** Adds `send [TOKEN] CHAT BODY`. */
export function addSendCommand(program: Command, io: Io): void {
  onApplication(
    program
      .command("send")
      .description("send a message to a chat")
      .option("--sender <id>", "your own id of the author")
      .option("--metadata <json>", "your own data, a JSON object", json)
      .option("--reply-to <n>", "number of the message that this one answers", number)
      .option("--idempotency-key <key>", "sending again with the same key within 24 hours changes nothing"),
    [chatOperand, textOperand("body", "the message; - reads it from standard input, without the last line break")],
    async (token, [chat, given], command) => {
      const { api, output } = toolsOf(io, command);
      const { idempotencyKey, sender, metadata, replyTo } = command.opts<SendOptions>();
      const body = given === "-" ? (await readAll(io.stdin)).replace(/\r?\n$/, "") : given;
      const fault = bodyFault(body);
      if (fault !== undefined) throw new CommandError("usage", `The message ${fault}.`);
      const sent = await api.call("createMessage", {
        body: { application_token: token, chat_number: chat, body, sender, metadata, reply_to: replyTo },
        idempotencyKey: idempotencyKey ?? createUuid7(),
      });
      output.result(sent.body, () => `message ${sent.body.number}`);
    },
  );
}
