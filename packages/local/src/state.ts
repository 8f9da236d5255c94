import { readFileSync } from "node:fs";
import type { Launch } from "./launch.ts";
import { writePrivate } from "./private-file.ts";
import { isRunning, type ProcessIdentity } from "./process-identity.ts";
import { paths } from "./settings.ts";

/** A process that outlives the command that started it, with everything needed to start it again. */
export interface RecordedProcess extends ProcessIdentity {
  readonly name: string;
  readonly url: string;
  /** URL that answers 200 when the process is ready. Stores have none. */
  readonly readyUrl?: string;
  readonly ports: readonly number[];
  /** Signal that ends the process gracefully. */
  readonly stopSignal: "SIGTERM" | "SIGQUIT";
  readonly launch: Launch;
  /** Variables that the process was started with. If their values change, a new process is needed. */
  readonly settings: Readonly<Record<string, string>>;
  /** Times of the latest death and of the deaths in the minute before it, in milliseconds since 1970, oldest first. */
  readonly deaths?: readonly number[];
  /** Time at which the process will be started again after a death, in milliseconds since 1970. */
  readonly restartAt?: number;
  /** The reason why the process is no longer started again, if any. */
  readonly failure?: string;
}

export interface RunState {
  /** Processes in the order of their start, including those that have died. */
  readonly processes: readonly RecordedProcess[];
  /** The process that restarts processes that have died. */
  readonly supervisor?: ProcessIdentity;
  /** Name of the Compose project of the stores that run in Docker. */
  readonly composeProject?: string;
  /** URLs of the stores that run in Docker, with their passwords. */
  readonly composeUrls?: Readonly<Record<string, string>>;
}

/** Reads the record. Returns one without processes if there is no file. */
export function readState(file = paths.state): RunState {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return { processes: [] };
  }
  return JSON.parse(text) as RunState;
}

/** Returns the recorded processes that are running. */
export function runningProcesses(state = readState()): RecordedProcess[] {
  return state.processes.filter(isRunning);
}

/** Replaces the whole record. */
export function writeState(state: RunState): void {
  writePrivate(paths.state, JSON.stringify(state, null, 2));
}

/** Adds a process to the record. It replaces an earlier one with the same name. */
export function record(entry: RecordedProcess): void {
  const state = readState();
  const others = state.processes.map((recorded) => (recorded.name === entry.name ? entry : recorded));
  writeState({ ...state, processes: others.includes(entry) ? others : [...others, entry] });
}
