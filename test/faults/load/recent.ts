import type { Letter } from "./client.ts";
import type { Random } from "./random.ts";

/** A message that was acknowledged, as its readers and editors know it. */
export interface Acknowledged {
  readonly letter: Letter;
  readonly number: number;
  /** The latest version that an answer to an edit had. */
  version: number;
  /** Somebody deleted it, or tried to. */
  isRemoved: boolean;
}

/** The messages that were acknowledged last. */
export interface Recent {
  add(letter: Letter, number: number): void;
  latest(): Acknowledged | undefined;
  any(random: Random): Acknowledged | undefined;
  /** One of the last four. */
  newest(random: Random): Acknowledged | undefined;
}

const remembered = 40;

/** Remembers the last few dozen acknowledged messages. */
export function createRecent(): Recent {
  const messages: Acknowledged[] = [];
  const fromEnd = (random: Random, count: number) =>
    messages.at(-1 - Math.floor(random.next() * Math.min(count, messages.length)));
  return {
    add(letter, number) {
      messages.push({ letter, number, version: 1, isRemoved: false });
      if (messages.length > remembered) messages.shift();
    },
    latest: () => messages.at(-1),
    any: (random) => fromEnd(random, remembered),
    newest: (random) => fromEnd(random, 4),
  };
}
