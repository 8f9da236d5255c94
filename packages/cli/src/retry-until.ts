import { setTimeout as sleep } from "node:timers/promises";
import { CommandError } from "./errors.ts";

export interface Patience {
  readonly withinMs: number;
  /** Why to try again; undefined: the error passes on. */
  readonly reasonToWait: (error: unknown) => string | undefined;
  /** Called when waiting begins and each time that the reason has become another. */
  readonly onWait: (reason: string) => void;
}

const LOOK_EVERY_MS = 500;

/** Tries until it works; the last attempt begins before the time is up, and its reason is then the command's error. */
export async function withTimeout<T>(
  { withinMs, reasonToWait, onWait }: Patience,
  attempt: () => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  let told: string | undefined;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const reason = reasonToWait(error);
      if (reason === undefined) throw error;
      if (performance.now() + LOOK_EVERY_MS >= deadline) {
        throw new CommandError("unavailable", `Waited ${Math.round(withinMs / 1000)} s in vain: ${reason}`, {
          cause: error,
        });
      }
      if (reason !== told) onWait(reason);
      told = reason;
    }
    await sleep(LOOK_EVERY_MS);
  }
}
