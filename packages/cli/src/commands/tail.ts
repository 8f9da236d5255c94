import { setTimeout as sleep } from "node:timers/promises";
import { messageSchema, type Message } from "@confab/contracts";
import type { Command } from "commander";
import { z } from "zod";
import type { ApiClient } from "../api-client.ts";
import { isTemporary } from "../api-errors.ts";
import { chatOperand, onApplication } from "../application-arguments.ts";
import { number, toolsOf } from "../command-tools.ts";
import { parseExactly } from "../exact-json.ts";
import type { Io } from "../io.ts";
import { printable } from "../output.ts";

interface TailOptions {
  readonly from?: number;
  readonly follow: boolean;
}

const lastMessages = 10;
const reconnectMs = 1_000;
const resetSchema = z.object({ number: z.int() });
const changes: Record<string, string> = { edited: "(edited) ", deleted: "" };

/** Adds `tail [TOKEN] CHAT`. */
export function addTailCommand(program: Command, io: Io): void {
  onApplication(
    program
      .command("tail")
      .description("show the last messages of a chat, then each new one and each change, until Ctrl-C")
      .option("--from <n>", `begin with this message instead of the last ${lastMessages}`, number)
      .option("--no-follow", "exit after the last message that exists"),
    [chatOperand],
    async (token, [chat], command) => {
      const { api, output } = toolsOf(io, command);
      const { from, follow } = command.opts<TailOptions>();
      const params = { token, chat };
      let { after, width } = await startOf(api, params, from);
      let isWaiting = false;
      for (;;) {
        try {
          for await (const { id, event, data } of api.stream(params, after)) {
            after = id ?? after;
            isWaiting = false;
            if (event === "caught-up" && !follow) return;
            if (event === "reset") {
              const { number: last } = resetSchema.parse(JSON.parse(data));
              output.note(
                `The messages above ${last} were lost before they were stored. Those that follow have their numbers.`,
              );
            }
            if (event !== "message" && event !== "edited" && event !== "deleted") continue;
            const message = messageSchema.parse(parseExactly(data));
            width = Math.max(width, String(message.number).length);
            output.item(message, () => view(message, changes[event] ?? "", width, output.time));
          }
        } catch (error) {
          if (!follow || !isTemporary(error)) throw error;
          if (!isWaiting) output.note(`${error.message} Waiting until it answers.`);
          isWaiting = true;
        }
        await sleep(reconnectMs);
      }
    },
  );
}

/**
 * Returns the stream position before the first message to show, and the width of the message numbers. Earlier changes
 * are not reported, because the messages are shown in their current version.
 */
async function startOf(
  api: ApiClient,
  params: { token: string; chat: number },
  from: number | undefined,
): Promise<{ after: string; width: number }> {
  const { body: chat } = await api.call("getChat", { params });
  const { body: last } = await api.call("listMessages", { params, query: { order: "desc", limit: lastMessages } });
  const first = from ?? last.at(-1)?.number ?? 1;
  return { after: `${first - 1}-${chat.last_change_number}`, width: String(last[0]?.number ?? 1).length };
}

function view(
  { number, created_at, sender, body }: Message,
  change: string,
  width: number,
  time: (iso: string) => string,
): string {
  const text = body === null ? "(deleted)" : printable(sender === null ? body : `${sender}: ${body}`);
  return `${String(number).padStart(width)}  ${time(created_at)}  ${change}${text}`;
}
