import { setTimeout as sleep } from "node:timers/promises";

/** A store that is up answers sooner: from here on its address is to be doubted. */
const patienceMs = 15_000;

/** Whether the URL answers 200 within the time, or `patienceMs` after a first other answer, as long as `goesOn` holds. */
export async function answersInTime(url: string, timeoutMs: number, goesOn: () => boolean): Promise<boolean> {
  let deadline = performance.now() + timeoutMs;
  for (let hasAnswered = false; goesOn() && performance.now() < deadline;) {
    const status = await statusOf(url);
    if (status === 200) return true;
    if (status !== undefined && !hasAnswered) {
      hasAnswered = true;
      deadline = Math.min(deadline, performance.now() + patienceMs);
    }
    await sleep(50);
  }
  return false;
}

/** What a service that is not ready says that it lacks, as in "redis: no connection to Redis: …"; undefined where it says nothing. */
export async function whatIsMissing(readyUrl: string): Promise<string | undefined> {
  try {
    const response = await fetch(readyUrl, { signal: AbortSignal.timeout(2000) });
    const { checks = {} } = (await response.json()) as { checks?: Record<string, { ok: boolean; error?: string }> };
    const failing = Object.entries(checks).filter(([, { ok }]) => !ok);
    return failing.map(([name, { error = "fails" }]) => `${name}: ${error}`).join("; ") || undefined;
  } catch {
    return undefined;
  }
}

/** Whether the URL answers 200 now, within 2 s. */
export async function answers(url: string): Promise<boolean> {
  return (await statusOf(url)) === 200;
}

async function statusOf(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return undefined;
  }
}
