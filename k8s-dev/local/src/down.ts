import { rmSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { composeDown } from "./compose.ts";
import { LocalError } from "./local-error.ts";
import { end } from "./process-identity.ts";
import { paths } from "./settings.ts";
import { readState, writeState } from "./state.ts";

/** Stops what `up` started, last first; the data stays unless `dropData`. */
export async function down(onProgress: (line: string) => void, dropData = false): Promise<void> {
  const { processes, composeProject } = readState();
  for (const entry of processes.toReversed()) {
    await end(entry, entry.stopSignal, 30_000);
    onProgress(`${entry.name} stopped`);
  }
  if (composeProject !== undefined) {
    await composeDown(composeProject, dropData);
    onProgress("the stores' containers stopped");
  }
  writeState({ processes: [] });
  if (processes.length === 0 && composeProject === undefined) onProgress("nothing runs");
}

/** Stops everything and removes the data and the logs; without `confirmed` it asks at the terminal first. */
export async function reset(onProgress: (line: string) => void, confirmed: boolean): Promise<void> {
  if (!confirmed && !(await confirm("Drop all applications, chats and messages of this checkout? [y/N] "))) return;
  await down(onProgress, true);
  for (const folder of [paths.data, paths.logs, paths.nginx]) rmSync(folder, { recursive: true, force: true });
  onProgress("the data is gone");
}

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new LocalError("Nobody can be asked here: make reset YES=1 drops the data unasked.");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(question);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
