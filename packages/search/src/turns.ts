import { setImmediate as nextTurn } from "node:timers/promises";

/** Time in ms that work may block the event loop before other work gets a turn. */
const turnMs = 2;

export interface Turns {
  /** Gives other work a turn if this work has blocked the event loop for 2 ms. Await this between two steps of work. */
  give(): Promise<void>;
  /** Returns the milliseconds that this work has taken so far, without the turns of other work. */
  spent(): number;
}

/** Creates a helper that splits long work into several turns of the event loop. */
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
