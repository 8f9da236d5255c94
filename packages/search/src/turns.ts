import { setImmediate as nextTurn } from "node:timers/promises";

/** How long the event loop may be kept before others get a turn. */
const TURN_MS = 2;

export interface Turns {
  /** To be awaited between two pieces of work: lets others go first where this one has kept the event loop for 2 ms. */
  give(): Promise<void>;
  /** Milliseconds of work so far, without what others took. */
  spent(): number;
}

/** Divides long work into turns of the event loop. */
export function createTurns(): Turns {
  let began = performance.now();
  let before = 0;
  return {
    async give() {
      const worked = performance.now() - began;
      if (worked < TURN_MS) return;
      before += worked;
      await nextTurn();
      began = performance.now();
    },
    spent: () => before + performance.now() - began,
  };
}
