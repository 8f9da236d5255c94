/** The maximum time that divisible work may hold the event loop in one turn. */
const sliceMs = 5;

const waiting: (() => void)[] = [];
/** When the first divisible work of this turn began. There is one event loop per process, and so one value. */
let began: number | undefined;

/** Whether divisible work may continue in this turn of the event loop. All divisible work shares five milliseconds per turn. */
export function hasTime(): boolean {
  const now = performance.now();
  if (began !== undefined) return now - began < sliceMs;
  began = now;
  setImmediate(() => void turn());
  return true;
}

/**
 * For loops whose length a client controls. Returns undefined while this turn has time left, else a promise for a later turn, in
 * order of arrival. Await it between two pieces of work, so that the rest of the process can run.
 */
export function giveWay(): Promise<void> | undefined {
  if (hasTime()) return undefined;
  return new Promise((resolve) => waiting.push(resolve));
}

async function turn(): Promise<void> {
  began = undefined;
  while (waiting.length > 0 && hasTime()) {
    waiting.shift()!();
    // Work that awaited this promise runs before the next line.
    await Promise.resolve();
  }
}
