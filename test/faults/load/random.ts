/** A sequence of numbers that depends only on the seed. */
export interface Random {
  /** Returns a number that is at least 0 and below 1. */
  next(): number;
  /** Returns a whole number from `from` to `to`, both inclusive. */
  between(from: number, to: number): number;
  pick<T>(from: readonly T[]): T;
}

/** Creates a Mulberry32 generator. It is short, and uniform enough to choose victims and moments. */
export function createRandom(seed: number): Random {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    between: (from, to) => from + Math.floor(next() * (to - from + 1)),
    pick: (from) => from[Math.floor(next() * from.length)]!,
  };
}
