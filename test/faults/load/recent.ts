import type { Letter } from "./client.ts";
import type { Random } from "./random.ts";

/** An acknowledged message with the state that its readers and editors know. */
export interface Acknowledged {
  readonly letter: Letter;
  readonly number: number;
  /** The highest version in the answers to its edits. */
  version: number;
  /** Whether a client deleted the message, or tried to. */
  isRemoved: boolean;
}

/** The last few dozen acknowledged messages. */
export interface Recent {
  add(letter: Letter, number: number): void;
  latest(): Acknowledged | undefined;
  any(random: Random): Acknowledged | undefined;
  /** Returns one of the last four messages, or undefined if there is none. */
  newest(random: Random): Acknowledged | undefined;
}

const remembered = 40;

/** Creates an empty list of the last few dozen acknowledged messages. */
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
