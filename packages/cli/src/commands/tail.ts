import { setTimeout as sleep } from "node:timers/promises";
import type { Message } from "@confab/contracts";
import type { Command } from "commander";
import { pages, type ApiClient } from "../api-client.ts";
import { isTemporary } from "../api-errors.ts";
import { chatOperand, onApplication } from "../application-arguments.ts";
import { number, seconds, toolsOf } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { printable } from "../output.ts";

interface TailOptions {
  from?: number;
  interval: number;
  follow: boolean;
}

const lastMessages = 10;

/** `tail [TOKEN] CHAT`. */
export function addTailCommand(program: Command, io: Io): void {
  onApplication(
    program
      .command("tail")
      .description("show the last messages of a chat, then each new one, until Ctrl-C")
      .option("--from <n>", `begin with this message instead of the last ${lastMessages}`, number)
      .option("--interval <seconds>", "time between two polls for new messages", seconds, 1)
      .option("--no-follow", "exit after the last message that exists"),
    [chatOperand],
    async (token, [chat], command) => {
      const { api, output } = toolsOf(io, command);
      const { from, interval, follow } = command.opts<TailOptions>();
      const params = { token, chat };
      let after = from === undefined ? await beforeTheLast(api, params) : from - 1;
      let width = 0;
      let isWaiting = false;
      for (;;) {
        try {
          for await (const page of pages(api, "listMessages", { params, query: { after } })) {
            after = page.at(-1)?.number ?? after;
            width = Math.max(width, String(after).length);
            for (const message of page) output.item(message, () => view(message, width, output.time));
          }
          isWaiting = false;
        } catch (error) {
          if (!follow || !isTemporary(error)) throw error;
          if (!isWaiting) output.note(`${error.message} Waiting until it answers.`);
          isWaiting = true;
        }
        if (!follow) return;
        await sleep(Math.max(100, interval * 1000));
      }
    },
  );
}

async function beforeTheLast(api: ApiClient, params: { token: string; chat: number }): Promise<number> {
  const { body } = await api.call("listMessages", { params, query: { order: "desc", limit: lastMessages } });
  return (body.at(-1)?.number ?? 1) - 1;
}

function view({ number, created_at, sender, body }: Message, width: number, time: (iso: string) => string): string {
  const text = body === null ? "(deleted)" : printable(sender === null ? body : `${sender}: ${body}`);
  return `${String(number).padStart(width)}  ${time(created_at)}  ${text}`;
}
