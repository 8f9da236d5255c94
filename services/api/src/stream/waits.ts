import type { StoredChat } from "@confab/database";
import { createWakeSignal } from "./wake-signal.ts";
import type { StreamPlaces } from "./limits.ts";
import type { Rooms } from "./rooms.ts";

export interface Wait {
  readonly chat: StoredChat;
  /** The user whose token was sent. */
  readonly user: string | undefined;
  /** The client's address. */
  readonly address: string;
  readonly forMs: number;
  /** Aborts when the client has left. */
  readonly left: AbortSignal;
}

export interface Waits {
  /**
   * Reads again whenever something happens in the chat, until the page has items or the time is over. It ends early when the client
   * leaves or the process stops. Throws a problem if too many requests wait.
   */
  until<Page extends { items: readonly unknown[] }>(wait: Wait, read: () => Promise<Page>): Promise<Page>;
  /** How many requests wait. */
  count(): number;
  /** Ends all waits, spread over this time, so that their clients do not come back at once. */
  stop(withinMs: number): void;
}

export interface WaitsOptions {
  readonly rooms: Pick<Rooms, "enter">;
  readonly places: Pick<StreamPlaces, "take">;
}

/** Creates the list of this process's requests that wait for messages. */
export function createWaits({ rooms, places }: WaitsOptions): Waits {
  const waiting = new Set<() => void>();
  let isStopping = false;

  return {
    count: () => waiting.size,

    async until({ chat, user, address, forMs, left }, read) {
      const leavePlace = places.take({ kind: "wait", token: chat.token, user, address, chats: 1 });
      const deadline = performance.now() + forMs;
      const moved = createWakeSignal();
      let isOver = isStopping;
      const end = (): void => {
        isOver = true;
        moved.set();
      };
      waiting.add(end);
      left.addEventListener("abort", end);
      // Before the first read, so that nothing happens unseen between the two.
      const leave = rooms.enter(chat, { wake: moved.set, end });
      try {
        for (;;) {
          moved.clear();
          const page = await read();
          const restMs = deadline - performance.now();
          if (page.items.length > 0 || isOver || left.aborted || restMs <= 0) return page;
          await moved.wait(restMs);
        }
      } finally {
        leave();
        leavePlace();
        left.removeEventListener("abort", end);
        waiting.delete(end);
      }
    },

    stop(withinMs) {
      isStopping = true;
      for (const end of waiting) setTimeout(end, Math.random() * withinMs);
    },
  };
}
