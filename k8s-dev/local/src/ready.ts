import { setTimeout as sleep } from "node:timers/promises";

/** Whether the URL answers 200 within the time, as long as `goesOn` holds. */
export async function answersInTime(url: string, timeoutMs: number, goesOn: () => boolean): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (goesOn() && performance.now() < deadline) {
    if (await answers(url)) return true;
    await sleep(50);
  }
  return false;
}

/** Whether the URL answers 200 now, within 2 s. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
