import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnLogged } from "./launch.ts";
import { withLock } from "./lock.ts";
import { rotateLogs, rotationIntervalMs } from "./log-rotation.ts";
import { end, identify } from "./process-identity.ts";
import { attend, needsAttention } from "./restart.ts";
import { paths } from "./settings.ts";
import { readState, writeState } from "./state.ts";

// This file runs as one detached process per clone. It restarts processes that died and limits the size of the logs
// until the record no longer names it. It changes the record only under the lock, so it never acts while `up` or `down`
// is working. These commands end it while they hold the lock, so a signal never arrives in the middle of a change.

// On systems other than Linux, each check of a process runs `ps`.
const pollMs = process.platform === "linux" ? 250 : 2000;

/** Starts the supervisor and records it; the caller holds the lock. */
export function startSupervisor(): void {
  const log = join(paths.logs, "supervisor.log");
  const { identity } = spawnLogged(process.execPath, [import.meta.filename], log, { cwd: paths.root });
  writeState({ ...readState(), supervisor: identity });
}

/** Ends the supervisor, if one runs; resolves when it has ended. The caller holds the lock. */
export async function stopSupervisor(): Promise<void> {
  const { supervisor, ...state } = readState();
  if (supervisor === undefined) return;
  await end(supervisor, "SIGTERM", 5_000);
  writeState(state);
}

async function supervise(): Promise<void> {
  const self = JSON.stringify(identify(process.pid));
  // The command that starts the supervisor holds the lock until it has recorded the supervisor.
  await withLock(paths.lock, () => Promise.resolve());
  for (let nextRotation = 0; ;) {
    const { supervisor, processes } = readState();
    if (JSON.stringify(supervisor) !== self) return;
    if (performance.now() >= nextRotation) {
      rotateLogs([paths.logs, paths.data]);
      nextRotation = performance.now() + rotationIntervalMs;
    }
    if (processes.some((entry) => needsAttention(entry, Date.now()))) await withLock(paths.lock, attendAll);
    await sleep(pollMs);
  }
}

function attendAll(): Promise<void> {
  const state = readState();
  writeState({ ...state, processes: state.processes.map((entry) => attend(entry, Date.now(), log)) });
  return Promise.resolve();
}

function log(level: string, message: string, fields: Record<string, unknown>): void {
  console.log(JSON.stringify({ level, time: new Date().toISOString(), service: "supervisor", message, ...fields }));
}

if (import.meta.main) await supervise();
