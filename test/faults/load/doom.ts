import { setTimeout as pause } from "node:timers/promises";
import { staying, type Application, type Client, type Target } from "./client.ts";
import type { Random } from "./random.ts";

/** The chat that is deleted while all clients use it. */
export interface Doom {
  /** Chooses a chat for a message. Chooses the doomed chat less often after its deletion, but still sometimes. */
  readonly pickChat: (application: Application, random: Random) => number;
  /** Resolves when the deletion is acknowledged, or when the signal aborts. */
  readonly ended: Promise<void>;
}

export interface DoomOptions {
  readonly client: Client;
  readonly random: Random;
  readonly applications: readonly Application[];
  readonly targets: readonly Target[];
  /** Time in ms until the chat is deleted. */
  readonly afterMs: number;
  readonly signal: AbortSignal;
}

/** Deletes the doomed chat after a while, and retries until the deletion is acknowledged. */
export function createDoom({ client, random, applications, targets, afterMs, signal }: DoomOptions): Doom {
  const owner = applications.find(({ doomed }) => doomed !== undefined);
  let isErased = false;

  async function erase(application: Application, chat: number): Promise<void> {
    await pause(afterMs, undefined, { signal }).catch(() => undefined);
    const isOver = () => signal.aborted;
    while (!isErased && !isOver()) {
      const { status } = await client.erase(random.pick(staying(targets)), application, chat);
      // This is also the answer to a repeated attempt after an attempt with unknown outcome.
      isErased = status === 204;
      if (!isErased) await pause(200);
    }
  }

  return {
    pickChat(application, choice) {
      if (application === owner && choice.next() < (isErased ? 0.03 : 0.2)) return application.doomed!;
      return choice.pick(application.chats);
    },
    ended: owner === undefined ? Promise.resolve() : erase(owner, owner.doomed!),
  };
}
