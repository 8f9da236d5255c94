import { bodyFault } from "@confab/contracts";
import { Option, type Command } from "commander";
import { chatOperand, messageOperand, onApplication, textOperand } from "../application-arguments.ts";
import { json, number, toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { ApiClient } from "../api-client.ts";
import type { Io } from "../io.ts";

/** Adds `message edit|delete`. */
export function addMessageCommands(program: Command, io: Io): void {
  const message = program.command("message").description("edit and delete messages");

  onApplication(
    message
      .command("edit")
      .description("replace the body of a message")
      .option("--metadata <json>", "replace the metadata, too: a JSON object, or null to remove it", json)
      .addOption(ifVersion()),
    [chatOperand, messageOperand, textOperand("body", "the new text")],
    async (token, [chat, message, body], command) => {
      const { api, output } = toolsOf(io, command);
      const { metadata, ifVersion: version } = command.opts<{ metadata?: unknown; ifVersion?: number }>();
      const fault = bodyFault(body);
      if (fault !== undefined) throw new CommandError("usage", `The message ${fault}.`);
      const params = { token, chat, message };
      const options = { params, body: { body, metadata }, tag: await tagOf(api, params, version) };
      const edited = await api.call("updateMessage", options);
      output.result(edited.body, () => `message ${edited.body.number}, version ${edited.body.version}`);
    },
  );

  onApplication(
    message.command("delete").description("delete a message; its number stays, without content").addOption(ifVersion()),
    [chatOperand, messageOperand],
    async (token, [chat, message], command) => {
      const { api, output } = toolsOf(io, command);
      const { ifVersion: version } = command.opts<{ ifVersion?: number }>();
      const params = { token, chat, message };
      await api.call("deleteMessage", { params, tag: await tagOf(api, params, version) });
      output.result({ deleted: message }, () => `message ${message} deleted`);
    },
  );
}

/** Returns the ETag of the message with this version, whether it has that one or not. */
async function tagOf(
  api: ApiClient,
  params: { token: string; chat: number; message: number },
  version: number | undefined,
): Promise<string | undefined> {
  if (version === undefined) return undefined;
  const { headers } = await api.call("getMessage", { params });
  return headers.get("ETag")?.replace(/^(?:W\/)?"\d+/, `"${version}`);
}

function ifVersion(): Option {
  return new Option("--if-version <n>", "only if the message has this version").argParser(number);
}
