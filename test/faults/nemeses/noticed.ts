import { eventually } from "@confab/testkit";
import type { World } from "../world/world.ts";

/**
 * Resolves when a worker has logged this text. Without this log line, the fault had no effect, and the run proves
 * nothing.
 */
export async function workerNoticed(world: World, text: RegExp): Promise<void> {
  await eventually(
    () =>
      world.of("worker").some((worker) => text.test(worker.logs()))
        ? Promise.resolve()
        : Promise.reject(new Error(`no worker logged ${String(text)}`)),
    { timeoutMs: 20_000, intervalMs: 200 },
  );
}
