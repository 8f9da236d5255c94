import { readFileSync } from "node:fs";
import { start } from "./launch.ts";
import { isRunning, killOrphans } from "./process-identity.ts";
import { lastLine } from "./run.ts";
import type { RecordedProcess } from "./state.ts";

type Log = (level: "warn" | "error", message: string, fields: Record<string, unknown>) => void;

const windowMs = 60_000;
const maxDeaths = 5;
const firstBackoffMs = 250;

/** Returns whether the process has died and `attend` has to act now. */
export function needsAttention(entry: RecordedProcess, now: number): boolean {
  return entry.failure === undefined && (entry.restartAt ?? 0) <= now && !isRunning(entry);
}

/**
 * Takes the next step for a process that has died: records its death, starts it again after its backoff, or gives up at
 * the fifth death within a minute. Returns its new record.
 */
export function attend(entry: RecordedProcess, now: number, log: Log): RecordedProcess {
  if (!needsAttention(entry, now)) return entry;
  const { restartAt, ...died } = entry;
  if (restartAt === undefined) return afterDeath(died, now, log);
  try {
    const { identity } = start(died.launch);
    log("warn", `${died.name} was started again`, { pid: identity.pid });
    return { ...died, ...identity };
  } catch (error) {
    log("error", `${died.name} could not be started: ${String(error)}`, {});
    return afterDeath(died, now, log);
  }
}

function afterDeath(entry: RecordedProcess, now: number, log: Log): RecordedProcess {
  killOrphans(entry);
  const deaths = [...(entry.deaths ?? []).filter((time) => time > now - windowMs), now];
  const fields = { pid: entry.pid, deaths_in_a_minute: deaths.length };
  if (deaths.length >= maxDeaths) {
    const failure = `died ${maxDeaths} times within a minute; its log, ${entry.launch.logFile}, ends with: ${lastWords(entry)}`;
    log("error", `${entry.name} stays down: it ${failure}`, fields);
    return { ...entry, deaths, failure };
  }
  const backoffMs = firstBackoffMs * 2 ** (deaths.length - 1);
  log("warn", `${entry.name} died and starts again in ${backoffMs / 1000} s`, fields);
  return { ...entry, deaths, restartAt: now + backoffMs };
}

function lastWords({ launch }: RecordedProcess): string {
  try {
    return lastLine(readFileSync(launch.logFile, "utf8"));
  } catch {
    return "(no log)";
  }
}
