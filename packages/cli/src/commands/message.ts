import type { Command } from "commander";
import { chatOperand, messageOperand, onApplication } from "../application-arguments.ts";
import { toolsOf } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { columns } from "../output.ts";

/** `message show`. */
export function addMessageCommands(program: Command, io: Io): void {
  const message = program.command("message").description("show one message");

  onApplication(
    message.command("show").description("show a message with its whole body"),
    [chatOperand, messageOperand],
    async (token, [chat, message], command) => {
      const { api, output } = toolsOf(io, command);
      const { body } = await api.call("getMessage", { params: { token, chat, message } });
      output.result(body, () => {
        const times = { created_at: output.time(body.created_at), updated_at: output.time(body.updated_at) };
        const fields = Object.entries({ ...body, ...times }).filter(([, value]) => value !== null);
        return columns(
          fields.map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : value]),
        );
      });
    },
  );
}
