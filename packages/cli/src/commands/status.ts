import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { seconds, toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { takeSnapshot } from "../status/snapshot.ts";
import { openStores } from "../status/open-stores.ts";
import { screen } from "../status/screen.ts";
import { statusOf, unavailableStores } from "../status/status.ts";

const clearScreen = "\x1b[H\x1b[J";

/** Adds `status [--interval 2] [--once]`. */
export function addStatusCommand(program: Command, io: Io): void {
  program
    .command("status")
    .description("show message rates, queues, lags and whether the stores answer, read from the stores, until Ctrl-C")
    .option("--interval <seconds>", "time between two snapshots; rates are averages over this time", seconds, 2)
    .option("--once", "exit after the first interval, with code 4 if a store does not answer")
    .action(async ({ interval, once = false }: { interval: number; once?: boolean }, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const stores = await openStores(env);
      const refreshes = !once && io.stdout.isTTY === true;
      try {
        let before = await takeSnapshot(stores);
        for (;;) {
          await sleep(Math.max(100, interval * 1000));
          const now = await takeSnapshot(stores);
          const status = statusOf(before, now);
          output.item(
            status,
            () => (refreshes ? clearScreen : "") + screen(status, output.time) + (once ? "" : "\n\n"),
          );
          if (once && unavailableStores(now).length > 0)
            throw new CommandError(
              "unavailable",
              `Unavailable: ${unavailableStores(now).join(", ")}. The reasons are above.`,
            );
          if (once) return;
          before = now;
        }
      } finally {
        await stores.close();
      }
    });
}
