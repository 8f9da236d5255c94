import type { ReadableMessage } from "../representations.ts";

/** A walk through the numbers of a chat, including both ends. `asc` begins at `from`, `desc` begins at `to`. */
export interface Walk {
  readonly from: number;
  readonly to: number;
  readonly order: "asc" | "desc";
  readonly limit: number;
}

/** A page around a number. The number is as close to the page's middle as the ends of the chat allow. */
export interface Around {
  readonly around: number;
  readonly limit: number;
}

/** The messages that a walk found, in the walk's order: at most `limit` messages, and at most the bytes of a page. */
export interface Walked {
  readonly items: ReadableMessage[];
  /** True if the walk has more messages. */
  readonly more: boolean;
}

/** Returns the first `count` numbers of a walk. */
export function beginningOf({ from, to, order }: Walk, count: number): { from: number; to: number } {
  return order === "asc" ? { from, to: Math.min(to, from + count - 1) } : { from: Math.max(from, to - count + 1), to };
}

/** Returns the rest of a walk after the numbers that have been read. */
export function restOf(walk: Walk, done: { from: number; to: number }): Walk {
  return walk.order === "asc" ? { ...walk, from: done.to + 1 } : { ...walk, to: done.from - 1 };
}
