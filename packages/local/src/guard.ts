import { spawn, type ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { signal, type ProcessIdentity } from "./process-identity.ts";

// The processes of a test run must not outlive it, even if the run is killed with SIGKILL and cannot clean up.
// Therefore the run starts this file as a small guard process at the other end of a pipe. However the run ends, the
// system closes the pipe, and the guard then kills the processes and removes the folders that are bound to the run.

interface Entry {
  readonly process?: ProcessIdentity;
  readonly folder?: string;
}

interface Message extends Entry {
  readonly action: "add" | "remove";
}

let guard: ChildProcess | undefined;

/** Ensures that the process is killed, or the folder removed, when this process ends for any reason. */
export function bindToThisProcess(entry: Entry): void {
  send({ action: "add", ...entry });
}

/** Reverts `bindToThisProcess`. */
export function unbind(entry: Entry): void {
  send({ action: "remove", ...entry });
}

function send(message: Message): void {
  if (guard === undefined) {
    const env = { ...process.env, NODE_V8_COVERAGE: "" };
    // The guard gets its own process group, so that Ctrl-C at the terminal does not end it together with the watched
    // processes.
    guard = spawn(process.execPath, [import.meta.filename], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      env,
    });
    guard.unref();
    if (guard.stdin instanceof Socket) guard.stdin.unref();
    guard.stdin?.on("error", () => undefined);
  }
  guard.stdin?.write(`${JSON.stringify(message)}\n`);
}

async function watch(): Promise<void> {
  const entries = new Map<string, Entry>();
  for await (const line of createInterface({ input: process.stdin })) {
    const { action, ...entry } = JSON.parse(line) as Message;
    if (action === "add") entries.set(JSON.stringify(entry), entry);
    else entries.delete(JSON.stringify(entry));
  }
  for (const entry of entries.values()) if (entry.process !== undefined) signal(entry.process, "SIGKILL");
  for (const { folder } of entries.values()) {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

if (import.meta.main) void watch();
