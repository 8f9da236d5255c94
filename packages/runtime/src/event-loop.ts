/** How long work that can be divided may keep the event loop in one turn. */
const sliceMs = 5;

const waiting: (() => void)[] = [];
/** When the first divisible work of this turn began; of the process, as its event loop is. */
let began: number | undefined;

/** Whether divisible work may go on in this turn of the event loop; all of it together has five milliseconds per turn. */
export function hasTime(): boolean {
  const now = performance.now();
  if (began !== undefined) return now - began < sliceMs;
  began = now;
  setImmediate(() => void turn());
  return true;
}

/**
 * For loops over work that one request may bring much of: undefined while there is time, otherwise a promise for a later turn, first come first
 * served. Awaited between two pieces of work, it lets everything else of the process happen meanwhile.
 */
export function giveWay(): Promise<void> | undefined {
  if (hasTime()) return undefined;
  return new Promise((resolve) => waiting.push(resolve));
}

async function turn(): Promise<void> {
  began = undefined;
  while (waiting.length > 0 && hasTime()) {
    waiting.shift()!();
    // What waited for this promise runs before what comes after this line.
    await Promise.resolve();
  }
}
