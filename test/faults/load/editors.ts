import { setTimeout as pause } from "node:timers/promises";
import { staying, stillPending, type Client, type Target } from "./client.ts";
import type { Random } from "./random.ts";
import type { Acknowledged, Recent } from "./recent.ts";

export interface Editor {
  readonly client: Client;
  readonly random: Random;
  readonly targets: readonly Target[];
  /** Ends the changes when it aborts. */
  readonly signal: AbortSignal;
  readonly recent: Recent;
}

/**
 * Edits and deletes messages of all writers. Half of the time, it chooses the latest message, which is probably
 * pending; otherwise, it chooses one of the last few dozen. Several editors may choose the same message at the same
 * time.
 */
export async function change({ client, random, targets, signal, recent }: Editor): Promise<void> {
  const isOver = () => signal.aborted;
  let edited: Acknowledged | undefined;
  for (let counter = 1; !isOver(); counter += 1) {
    await pause(random.between(20, 120));
    // One in four edits is followed by the deletion of the message.
    const again = random.next() < 0.25 ? edited : undefined;
    edited = undefined;
    const chosen = again ?? (random.next() < 0.5 ? recent.latest() : recent.any(random));
    if (chosen === undefined) continue;
    const { letter, number } = chosen;
    const ifMatch = random.next() < 0.3 ? chosen.version : undefined;
    const isRemoval = again !== undefined || random.next() < 0.15;
    const body = `${letter.uid} ${letter.application.canary} ${client.name} ${counter} edited`;
    // The message may be pending for longer than the api waits for it.
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const target = random.pick(staying(targets));
      const operation = isRemoval
        ? await client.remove(target, letter, number, ifMatch)
        : await client.edit(target, letter, number, body, ifMatch);
      if (operation.version !== undefined) {
        chosen.version = Math.max(chosen.version, operation.version);
        edited = chosen;
      }
      if (isRemoval && operation.outcome !== "fail") chosen.isRemoved = true;
      if (operation.problem !== stillPending || isOver()) break;
    }
  }
}
