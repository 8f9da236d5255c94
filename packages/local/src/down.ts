import { rmSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { withdrawClone } from "./clones.ts";
import { composeDown } from "./compose.ts";
import { LocalError } from "./local-error.ts";
import { end, killOrphans } from "./process-identity.ts";
import { paths } from "./settings.ts";
import { readState, runningProcesses, writeState } from "./state.ts";
import { stopSupervisor } from "./supervisor.ts";

/** Stops what `up` started, in reverse order. Keeps the data unless `dropData` is true. */
export async function down(onProgress: (line: string) => void, dropData = false): Promise<void> {
  await stopSupervisor();
  const state = readState();
  const running = runningProcesses(state);
  for (const entry of state.processes) killOrphans(entry);
  for (const entry of running.toReversed()) {
    await end(entry, entry.stopSignal, 30_000);
    onProgress(`${entry.name} stopped`);
  }
  if (state.composeProject !== undefined) {
    await composeDown(state.composeProject, dropData);
    onProgress("the stores' containers stopped");
  }
  writeState({ processes: [] });
  withdrawClone();
  if (running.length === 0 && state.composeProject === undefined) onProgress("nothing runs");
}

/**
 * Stops everything and removes data, logs and kept settings; unless `confirmed` is true, asks for confirmation at the
 * terminal first.
 */
export async function reset(onProgress: (line: string) => void, confirmed: boolean): Promise<void> {
  if (!confirmed && !(await confirm("Drop all applications, chats and messages of this checkout? [y/N] "))) return;
  await down(onProgress, true);
  const all = [paths.data, paths.logs, paths.nginx, paths.settings];
  for (const path of all) rmSync(path, { recursive: true, force: true });
  onProgress("data, logs and kept settings were removed");
}

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new LocalError("There is no terminal to ask at. To drop the data without a question: make reset YES=1.");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(question);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
