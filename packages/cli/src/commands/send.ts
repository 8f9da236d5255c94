import { randomUUID } from "node:crypto";
import { text as readAll } from "node:stream/consumers";
import { bodyFault } from "@confab/contracts";
import type { Command } from "commander";
import { chatOperand, onApplication, textOperand } from "../application-arguments.ts";
import { toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";

/** `send [TOKEN] CHAT BODY`. */
export function addSendCommand(program: Command, io: Io): void {
  onApplication(
    program
      .command("send")
      .description("send a message to a chat")
      .option("--key <key>", "idempotency key: sending again with the same key within 24 hours changes nothing"),
    [chatOperand, textOperand("body", "the message; - reads it from standard input, without the last line break")],
    async (token, [chat, given], command) => {
      const { api, output } = toolsOf(io, command);
      const { key } = command.opts<{ key?: string }>();
      const body = given === "-" ? (await readAll(io.stdin)).replace(/\r?\n$/, "") : given;
      const fault = bodyFault(body);
      if (fault !== undefined) throw new CommandError("usage", `The message ${fault}.`);
      const sent = await api.call("createMessage", {
        body: { application_token: token, chat_number: chat, body },
        idempotencyKey: key ?? randomUUID(),
      });
      output.result(sent.body, () => `message ${sent.body.number}`);
    },
  );
}
