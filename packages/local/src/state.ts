import { readFileSync } from "node:fs";
import type { Launch } from "./launch.ts";
import { writePrivate } from "./private-file.ts";
import { isRunning, type ProcessIdentity } from "./process-identity.ts";
import { paths } from "./settings.ts";

/** A process that outlives the command that started it, with all that another process needs to start it again. */
export interface RecordedProcess extends ProcessIdentity {
  readonly name: string;
  readonly url: string;
  /** Answers 200 when it is ready; stores have none. */
  readonly readyUrl?: string;
  readonly ports: readonly number[];
  /** Ends it gracefully. */
  readonly stopSignal: "SIGTERM" | "SIGQUIT";
  readonly launch: Launch;
  /** The variables of its start: other values need another process. */
  readonly settings: Readonly<Record<string, string>>;
  /** When it died, in milliseconds since 1970: the deaths of the last minute, oldest first. */
  readonly deaths?: readonly number[];
  /** When it is to be started again after a death, in milliseconds since 1970. */
  readonly restartAt?: number;
  /** Why it is not started again any more. */
  readonly failure?: string;
}

export interface RunState {
  /** In the order of their start, also those that have died. */
  readonly processes: readonly RecordedProcess[];
  /** It starts again what dies. */
  readonly supervisor?: ProcessIdentity;
  /** The Compose project of the stores that run in Docker. */
  readonly composeProject?: string;
  /** The URLs of those stores, with their passwords. */
  readonly composeUrls?: Readonly<Record<string, string>>;
}

/** Reads the record; without processes if there is none. */
export function readState(file = paths.state): RunState {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return { processes: [] };
  }
  return JSON.parse(text) as RunState;
}

/** Returns the recorded processes that run now. */
export function runningProcesses(state = readState()): RecordedProcess[] {
  return state.processes.filter(isRunning);
}

/** Replaces the record. */
export function writeState(state: RunState): void {
  writePrivate(paths.state, JSON.stringify(state, null, 2));
}

/** Adds a process to the record, in the place of an earlier one of the same name. */
export function record(entry: RecordedProcess): void {
  const state = readState();
  const others = state.processes.map((recorded) => (recorded.name === entry.name ? entry : recorded));
  writeState({ ...state, processes: others.includes(entry) ? others : [...others, entry] });
}
