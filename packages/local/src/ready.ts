import { setTimeout as sleep } from "node:timers/promises";

/**
 * Time in ms that a service has to become ready after its first answer. A store that it cannot reach for that long
 * probably has a wrong address.
 */
const graceMs = 15_000;

/**
 * Returns whether the URL answers 200 within the timeout and within 15 s after its first other answer. Stops waiting
 * when `goesOn` returns false.
 */
export async function answersInTime(url: string, timeoutMs: number, goesOn: () => boolean): Promise<boolean> {
  let deadline = performance.now() + timeoutMs;
  for (let hasAnswered = false; goesOn() && performance.now() < deadline;) {
    const status = await statusOf(url);
    if (status === 200) return true;
    if (status !== undefined && !hasAnswered) {
      hasAnswered = true;
      deadline = Math.min(deadline, performance.now() + graceMs);
    }
    await sleep(50);
  }
  return false;
}

/**
 * Returns the failing checks of a service that is not ready, such as "redis: no connection to Redis: …", or undefined
 * if the service does not answer or names none.
 */
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

/** Returns whether the URL answers 200 within 2 s. */
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
