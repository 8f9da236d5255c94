import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isRunning } from "./process-identity.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import { paths } from "./settings.ts";

/** One process of a run that goes on after the command that started it. */
export interface RecordedProcess extends ProcessIdentity {
  readonly name: string;
  readonly url: string;
  /** Ends it gracefully. */
  readonly stopSignal: "SIGTERM" | "SIGQUIT";
  /** Of the settings that it was started with: other settings need another process. */
  readonly fingerprint: string;
}

export interface RunState {
  /** In the order of their start. */
  readonly processes: readonly RecordedProcess[];
  /** Of the stores that run in Docker. */
  readonly composeProject?: string;
  /** Where those are, with their passwords. */
  readonly composeUrls?: Readonly<Record<string, string>>;
}

/** What is recorded and still runs; nothing where there is no record. */
export function readState(): RunState {
  const text = readText();
  if (text === undefined) return { processes: [] };
  const state = JSON.parse(text) as RunState;
  return { ...state, processes: state.processes.filter(isRunning) };
}

/**
 * Closes .confab to other users: it holds passwords, messages and, in the logs, what clients asked for. A store that runs
 * as a user of its own may pass through where `prepareFolder` has let it.
 */
export function protectState(): void {
  const folder = dirname(paths.state);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, statSync(folder).mode & 0o711);
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  chmodSync(paths.logs, 0o700);
}

/** Replaces the record as a whole, so that a crash leaves the old or the new one. */
export function writeState(state: RunState): void {
  protectState();
  writeFileSync(`${paths.state}.new`, JSON.stringify(state, null, 2), { mode: 0o600 });
  renameSync(`${paths.state}.new`, paths.state);
}

/** Adds a process to the record, in place of an earlier one of the same name. */
export function record(entry: RecordedProcess): void {
  const state = readState();
  writeState({ ...state, processes: [...state.processes.filter(({ name }) => name !== entry.name), entry] });
}

function readText(): string | undefined {
  try {
    return readFileSync(paths.state, "utf8");
  } catch {
    return undefined;
  }
}
