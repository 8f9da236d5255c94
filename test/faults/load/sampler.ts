import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { metricCatalogue } from "@confab/metrics";
import type { Recorder } from "../history/recorder.ts";

export interface Sampled {
  readonly name: string;
  readonly adminUrl: string;
  /** Process id; undefined while the process is not running. */
  readonly pid: number | undefined;
}

/**
 * Records every second the resources that each process uses, until the signal aborts. Multiplies the event loop lag
 * that a process reports by the share of time in which its main thread had a processor. The process did not cause the
 * rest of the lag.
 */
export async function sample(
  recorder: Recorder,
  processes: () => readonly Sampled[],
  signal: AbortSignal,
): Promise<void> {
  const before = new Map<string, Scheduled & { pid: number }>();
  while (!signal.aborted) {
    await Promise.all(
      processes().map(async ({ name, adminUrl, pid }) => {
        if (pid === undefined) return;
        const text = await metricsOf(adminUrl);
        const scheduled = mainThread(pid);
        if (text === undefined || scheduled === undefined) return;
        const last = before.get(name);
        before.set(name, { pid, ...scheduled });
        // The first sample covers the start of the process, which is not judged.
        if (last?.pid !== pid) return;
        const lagMs = valueOf(text, "nodejs_eventloop_lag_max_seconds") * 1000;
        const [ranMs, waitedMs] = [scheduled.ranMs - last.ranMs, scheduled.waitedMs - last.waitedMs];
        recorder.write({
          type: "sample",
          at: recorder.now(),
          process: name,
          rssBytes: valueOf(text, "process_resident_memory_bytes"),
          blockedMs: Math.round(Math.min(ranMs, lagMs * (ranMs / Math.max(1, ranMs + waitedMs)))),
        });
      }),
    );
    await pause(1000, undefined, { signal }).catch(() => undefined);
  }
}

async function metricsOf(adminUrl: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${adminUrl}/metrics`, { signal: AbortSignal.timeout(3_000) });
    return await answer.text();
  } catch {
    return undefined;
  }
}

/**
 * Returns the value of a metric. Throws if the process does not export the metric, because the run could not be judged
 * without it.
 */
function valueOf(text: string, metric: keyof typeof metricCatalogue): number {
  const value = new RegExp(`^${metric}(?:\\{[^}\\n]*\\})? (\\S+)`, "m").exec(text)?.[1];
  if (value === undefined) throw new Error(`a process does not export ${metric}`);
  return Number(value);
}

interface Scheduled {
  readonly ranMs: number;
  readonly waitedMs: number;
}

/**
 * Returns the scheduling statistics of a process's main thread. Returns undefined if the process has ended, or if the
 * system is not Linux. In these cases, nothing is sampled.
 */
function mainThread(pid: number): Scheduled | undefined {
  try {
    const [ran, waited] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ").map(Number);
    return { ranMs: ran! / 1e6, waitedMs: waited! / 1e6 };
  } catch {
    return undefined;
  }
}
