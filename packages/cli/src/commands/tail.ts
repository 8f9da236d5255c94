import { setTimeout as sleep } from "node:timers/promises";
import type { Message } from "@confab/contracts";
import type { Command } from "commander";
import { pages, type ApiClient } from "../api-client.ts";
import { Refused, Unreachable } from "../api-errors.ts";
import { number, seconds, token, toolsOf } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { printable } from "../output.ts";

interface TailOptions {
  from?: number;
  interval: number;
  follow: boolean;
}

const LAST = 10;

/** `tail TOKEN CHAT`. */
export function addTailCommand(program: Command, io: Io): void {
  program
    .command("tail")
    .description("show a chat's last messages, then those that follow, until Ctrl-C")
    .argument("<token>", "the application's token", token)
    .argument("<chat>", "the chat's number", number)
    .option("--from <n>", `begin with this message, not with the last ${LAST}`, number)
    .option("--interval <seconds>", "how often to look for new messages", seconds, 1)
    .option("--no-follow", "end with the last message that is there")
    .action(async (of: string, chat: number, { from, interval, follow }: TailOptions, command: Command) => {
      const { api, output } = toolsOf(io, command);
      const params = { token: of, chat };
      let after = from === undefined ? await beforeTheLast(api, params) : from - 1;
      let away = false;
      for (;;) {
        try {
          for await (const page of pages(api, "listMessages", { params, query: { after } })) {
            for (const message of page) output.item(message, () => view(message));
            after = page.at(-1)?.number ?? after;
          }
          away = false;
        } catch (error) {
          const passing =
            error instanceof Unreachable || (error instanceof Refused && error.retryAfterMs !== undefined);
          if (!follow || !passing) throw error;
          if (!away) output.note(`${error.message} Waiting for it.`);
          away = true;
        }
        if (!follow) return;
        await sleep(Math.max(100, interval * 1000));
      }
    });
}

async function beforeTheLast(api: ApiClient, params: { token: string; chat: number }): Promise<number> {
  const { body } = await api.call("listMessages", { params, query: { order: "desc", limit: LAST } });
  return (body.at(-1)?.number ?? 1) - 1;
}

function view({ number, created_at, body }: Message): string {
  return `${number}  ${created_at}  ${printable(body)}`;
}
