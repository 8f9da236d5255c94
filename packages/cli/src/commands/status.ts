import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { seconds, toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { look } from "../status/snapshot.ts";
import { openStores } from "../status/open-stores.ts";
import { screen } from "../status/screen.ts";
import { isComplete, statusOf } from "../status/status.ts";

const clearScreen = "\x1b[H\x1b[J";

/** `status [--interval 2] [--once]`. */
export function addStatusCommand(program: Command, io: Io): void {
  program
    .command("status")
    .description(
      "show rates, depths, ages, lags and whether the stores answer, from the stores themselves, until Ctrl-C",
    )
    .option("--interval <seconds>", "how often to look; rates are of this time", seconds, 2)
    .option("--once", "end after the first interval, with exit code 4 when a store does not answer")
    .action(async ({ interval, once = false }: { interval: number; once?: boolean }, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const stores = await openStores(env);
      const refreshes = !once && io.stdout.isTTY === true;
      try {
        let before = await look(stores);
        for (;;) {
          await sleep(Math.max(100, interval * 1000));
          const now = await look(stores);
          const status = statusOf(before, now);
          output.item(status, () => (refreshes ? clearScreen : "") + screen(status) + (once ? "" : "\n\n"));
          if (once && !isComplete(now)) throw new CommandError("unavailable", "Not all stores answer.");
          if (once) return;
          before = now;
        }
      } finally {
        await stores.close();
      }
    });
}
