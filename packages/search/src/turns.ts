import { setImmediate as nextTurn } from "node:timers/promises";

/** How long work may block the event loop before other work gets a turn. */
const turnMs = 2;

export interface Turns {
  /** Await this between two steps of work. Gives other work a turn if this work has blocked the event loop for 2 ms. */
  give(): Promise<void>;
  /** Milliseconds of this work so far, without the turns of other work. */
  spent(): number;
}

/** Splits long work into turns of the event loop. */
export function createTurns(): Turns {
  let began = performance.now();
  let before = 0;
  return {
    async give() {
      const worked = performance.now() - began;
      if (worked < turnMs) return;
      before += worked;
      await nextTurn();
      began = performance.now();
    },
    spent: () => before + performance.now() - began,
  };
}
